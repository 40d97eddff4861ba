package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The threads of a process, {@code /proc/PID/task}, listed again and again without opening the
 * directory anew. One thread at a time.
 */
public final class TaskDirectory implements AutoCloseable {
  private static final int BUFFER_BYTES = 64 << 10;

  /** Offsets in {@code struct linux_dirent64}, getdents(2). */
  private static final int RECLEN = 16;

  private static final int NAME = 19;

  private final Fd directory;
  private final NativeBuffer memory;
  private final ByteBuffer entries;
  private int[] tids = new int[256];
  private int count;

  private TaskDirectory(Fd directory, NativeBuffer memory) {
    this.directory = directory;
    this.memory = memory;
    this.entries = memory.bytes();
  }

  /**
   * Opens the directory.
   *
   * @throws SyscallException ENOENT if there is no such process
   */
  public static TaskDirectory open(Pid pid) throws SyscallException {
    Fd directory = Fd.openDirectory(pid.procPath("task"));
    try {
      return new TaskDirectory(directory, NativeBuffer.allocate(BUFFER_BYTES));
    } catch (SyscallException | RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  /**
   * Lists the threads as they are now, for {@link #tid}.
   *
   * @return their number; 0 if the process is gone
   * @throws SyscallException EIO
   */
  public int list() throws SyscallException {
    count = 0;
    if (LibC.lseek(directory.number(), 0, LibC.SEEK_SET) != 0) {
      throw new SyscallException("lseek(" + directory.path() + ")", Errno.last());
    }
    while (true) {
      int bytes = readEntries();
      if (bytes <= 0) {
        return count;
      }
      for (int offset = 0; offset < bytes; ) {
        addEntry(offset + NAME);
        offset += Short.toUnsignedInt(entries.getShort(offset + RECLEN));
      }
    }
  }

  private int readEntries() throws SyscallException {
    while (true) {
      long bytes =
          LibC.syscall(
              LibC.SYS_GETDENTS64, directory.number(), memory.address(), BUFFER_BYTES, 0, 0, 0);
      if (bytes >= 0) {
        return (int) bytes;
      }
      Errno errno = Errno.last();
      if (errno.equals(Errno.ENOENT) || errno.equals(Errno.ESRCH)) {
        return 0;
      }
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("getdents64(" + directory.path() + ")", errno);
      }
    }
  }

  private void addEntry(int name) {
    int tid = 0;
    for (int i = name; entries.get(i) != 0; i++) {
      int digit = entries.get(i) - '0';
      if (digit < 0 || digit > 9) {
        return;
      }
      tid = tid * 10 + digit;
    }
    if (count == tids.length) {
      tids = Arrays.copyOf(tids, count * 2);
    }
    tids[count++] = tid;
  }

  /** Returns thread {@code i} of the last listing. */
  public int tid(int i) {
    return tids[i];
  }

  /** Closes the directory. */
  @Override
  public void close() {
    directory.close();
    memory.close();
  }
}
