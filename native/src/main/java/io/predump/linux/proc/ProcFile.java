package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads whole files of {@code /proc} and {@code /sys}, whose sizes are not known before. */
final class ProcFile {
  private static final int CHUNK_BYTES = 256 << 10;

  private ProcFile() {}

  /**
   * Returns the content.
   *
   * @throws SyscallException ENOENT or ESRCH if the process is gone, EACCES without the right
   */
  static byte[] bytes(String path) throws SyscallException {
    try (Fd fd = Fd.openReadOnly(path);
        NativeBuffer chunk = NativeBuffer.allocate(CHUNK_BYTES)) {
      ByteBuffer view = chunk.bytes();
      byte[] content = new byte[4096];
      int size = 0;
      while (true) {
        int read = read(fd, chunk.address());
        if (read == 0) {
          return Arrays.copyOf(content, size);
        }
        if (content.length - size < read) {
          content = Arrays.copyOf(content, Math.max(content.length * 2, size + read));
        }
        view.get(0, content, size, read);
        size += read;
      }
    }
  }

  static String text(String path) throws SyscallException {
    return new String(bytes(path), StandardCharsets.UTF_8);
  }

  private static int read(Fd fd, long buffer) throws SyscallException {
    while (true) {
      long read = LibC.read(fd.number(), buffer, CHUNK_BYTES);
      if (read >= 0) {
        return (int) read;
      }
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("read(" + fd.path() + ")", errno);
      }
    }
  }
}
