package io.predump.linux.ptrace;

import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import java.nio.ByteBuffer;

/** Finds a {@code syscall} instruction in a process: in its vdso, else in other code. */
final class SyscallInstruction {
  private static final int WINDOW_BYTES = 256 << 10;
  private static final byte FIRST = 0x0f;
  private static final byte SECOND = 0x05;

  private SyscallInstruction() {}

  /** Returns its address, 0 if there is none. */
  static long find(MemoryMap map, ProcessMemory target) throws SyscallException {
    try (NativeBuffer window = NativeBuffer.allocate(WINDOW_BYTES)) {
      for (Vma vma : map.vmas()) {
        if (vma.isVdso()) {
          long found = findIn(vma, target, window);
          if (found != 0) {
            return found;
          }
        }
      }
      for (Vma vma : map.vmas()) {
        // Private code only: a shared file may change under us.
        if (vma.executable() && vma.readable() && vma.isFilePrivate()) {
          long found = findIn(vma, target, window);
          if (found != 0) {
            return found;
          }
        }
      }
      return 0;
    }
  }

  private static long findIn(Vma vma, ProcessMemory target, NativeBuffer window) {
    ByteBuffer bytes = window.bytes();
    for (long start = vma.start();
        Long.compareUnsigned(start, vma.end()) < 0;
        start += WINDOW_BYTES) {
      int read;
      try {
        read =
            (int) target.readv(window.address(), start, Math.min(WINDOW_BYTES, vma.end() - start));
      } catch (SyscallException e) {
        return 0;
      }
      for (int i = 0; i + 1 < read; i++) {
        if (bytes.get(i) == FIRST && bytes.get(i + 1) == SECOND) {
          return start + i;
        }
      }
    }
    return 0;
  }
}
