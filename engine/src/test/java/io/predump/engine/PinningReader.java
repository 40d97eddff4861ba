package io.predump.engine;

import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import java.io.IOException;

/**
 * For controls: reads a process the usual way, by process_vm_readv, which un-shares what it reads.
 */
final class PinningReader {
  private static final int BYTES = 1 << 20;
  private static final int IOVEC_BYTES = 16;

  private PinningReader() {}

  /** Reads all anonymous memory of a process, whoever else shares it. */
  static void read(Pid pid) throws IOException {
    try (NativeBuffer buffer = NativeBuffer.allocate(BYTES);
        NativeBuffer iovecs = NativeBuffer.allocate(2 * IOVEC_BYTES)) {
      for (Vma vma : MemoryMap.read(pid).vmas()) {
        if (vma.isAnonymousPrivate() && vma.readable() && vma.writable()) {
          for (long at = vma.start(); at < vma.end(); at += BYTES) {
            long length = Math.min(BYTES, vma.end() - at);
            iovecs.bytes().putLong(0, buffer.address()).putLong(8, length);
            iovecs.bytes().putLong(16, at).putLong(24, length);
            LibC.process_vm_readv(
                pid.number(), iovecs.address(), 1, iovecs.address() + IOVEC_BYTES, 1, 0);
          }
        }
      }
    }
  }
}
