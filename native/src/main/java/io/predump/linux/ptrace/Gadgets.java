package io.predump.linux.ptrace;

import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Instructions of a process that we make its thread execute: addresses in code it has mapped from
 * files or, for the first, in its vdso. 0 is what was not found.
 *
 * @param syscall a {@code syscall}
 * @param syscallReturn a {@code syscall; ret}: any C library has some, the vdso has none
 * @param signalReturn a {@code mov $15, %rax; syscall}, which is rt_sigreturn: spelled by every C
 *     library and by Go in these very bytes, because debuggers know signal frames by them
 */
record Gadgets(long syscall, long syscallReturn, long signalReturn) {
  static final byte[] SYSCALL = {0x0f, 0x05};
  static final byte[] SYSCALL_RETURN = {0x0f, 0x05, (byte) 0xc3};
  static final byte[] SIGNAL_RETURN = {0x48, (byte) 0xc7, (byte) 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

  private static final int WINDOW_BYTES = 256 << 10;

  /** Code searched at most; the dynamic linker comes first and has all of them. */
  private static final long MAX_BYTES = 64 << 20;

  /** Finds them: the first everywhere, the others in private mappings of files. */
  static Gadgets find(MemoryMap map, ProcessMemory target) throws SyscallException {
    try (NativeBuffer window = NativeBuffer.allocate(WINDOW_BYTES)) {
      Search search = new Search(target, window);
      // Private code only: a shared file may change under us.
      List<Vma> code = new ArrayList<>();
      for (Vma vma : map.vmas()) {
        if (vma.isVdso()) {
          search.in(vma);
        } else if (vma.executable() && vma.readable() && vma.isFilePrivate()) {
          code.add(vma);
        }
      }
      // What is never unloaded first. Stable: the program itself before its libraries.
      code.sort((a, b) -> Integer.compare(rank(a), rank(b)));
      for (Vma vma : code) {
        if (!search.done()) {
          search.in(vma);
        }
      }
      return new Gadgets(search.syscall, search.syscallReturn, search.signalReturn);
    }
  }

  private static int rank(Vma vma) {
    String file = vma.name().substring(vma.name().lastIndexOf('/') + 1);
    return file.startsWith("ld-") || file.startsWith("ld.so")
        ? 0
        : file.startsWith("libc.") || file.startsWith("libc-") ? 1 : 2;
  }

  private static final class Search {
    private final ProcessMemory target;
    private final NativeBuffer window;
    private final ByteBuffer bytes;
    private long searched;
    long syscall;
    long syscallReturn;
    long signalReturn;

    Search(ProcessMemory target, NativeBuffer window) {
      this.target = target;
      this.window = window;
      this.bytes = window.bytes();
    }

    boolean done() {
      return syscall != 0 && syscallReturn != 0 && signalReturn != 0;
    }

    void in(Vma vma) {
      // Windows overlap, so that nothing is cut in two.
      int step = WINDOW_BYTES - SIGNAL_RETURN.length;
      for (long start = vma.start();
          !done()
              && (syscall == 0 || searched < MAX_BYTES)
              && Long.compareUnsigned(start, vma.end()) < 0;
          start += step) {
        int read;
        try {
          read =
              (int)
                  target.pread(window.address(), Math.min(WINDOW_BYTES, vma.end() - start), start);
        } catch (SyscallException e) {
          return;
        }
        searched += read;
        inWindow(start, read);
      }
    }

    private void inWindow(long start, int length) {
      for (int i = 0; i + 1 < length; i++) {
        if (bytes.get(i) != SYSCALL[0] || bytes.get(i + 1) != SYSCALL[1]) {
          continue;
        }
        if (syscall == 0) {
          syscall = start + i;
        }
        if (syscallReturn == 0 && matches(i, length, SYSCALL_RETURN)) {
          syscallReturn = start + i;
        }
        int from = i + SYSCALL.length - SIGNAL_RETURN.length;
        if (signalReturn == 0 && from >= 0 && matches(from, length, SIGNAL_RETURN)) {
          signalReturn = start + from;
        }
        if (done()) {
          return;
        }
      }
    }

    private boolean matches(int from, int length, byte[] code) {
      if (length - from < code.length) {
        return false;
      }
      for (int i = 0; i < code.length; i++) {
        if (bytes.get(from + i) != code[i]) {
          return false;
        }
      }
      return true;
    }
  }
}
