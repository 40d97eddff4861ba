package io.predump.linux.ptrace;

import io.predump.linux.LibC;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;

/**
 * Where in a process a {@link SignalFrame} goes: the deepest part of the main thread's stack. The
 * stack of the thread itself would not do: a goroutine's is 2 KiB.
 *
 * @param start first byte, page aligned; 0 if there is no room
 * @param stackEnd first address after the stack
 */
record Scratch(long start, long stackEnd) {
  static final Scratch NONE = new Scratch(0, 0);

  /**
   * Below the frame, for the handler of a signal that comes before the signals are blocked, if then
   * this program is killed.
   */
  private static final int HANDLER_BYTES = 4 * LibC.PAGE_BYTES;

  /** Between the frame and what the stopped thread uses of the stack. */
  private static final int DISTANCE_BYTES = 64 << 10;

  static Scratch find(MemoryMap map) {
    for (Vma vma : map.vmas()) {
      if (vma.isStack()
          && vma.readable()
          && vma.writable()
          && vma.bytes() >= HANDLER_BYTES + SignalFrame.MAX_BYTES) {
        return new Scratch(vma.start() + HANDLER_BYTES, vma.end());
      }
    }
    return NONE;
  }

  /**
   * Returns whether {@code bytes} from the start on are far below a stopped thread's stack pointer.
   * False also if the thread is on another stack: then it may be anybody's.
   */
  boolean isFarBelow(long stackPointer, int bytes) {
    return Long.compareUnsigned(stackPointer, stackEnd) < 0
        && Long.compareUnsigned(stackPointer, start + bytes + DISTANCE_BYTES) >= 0;
  }
}
