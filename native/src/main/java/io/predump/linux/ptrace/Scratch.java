package io.predump.linux.ptrace;

import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.RawPagemap;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;

/**
 * Where in a process a {@link SignalFrame} goes: the deepest part of the main thread's stack. The
 * stack of the thread itself would not do: a goroutine's is 2 KiB.
 *
 * @param start first byte, page aligned; 0 if there is no room
 * @param stackStart first address of the stack
 * @param stackEnd first address after it
 * @param untouched whether nobody ever read or wrote there
 */
record Scratch(long start, long stackStart, long stackEnd, boolean untouched) {
  static final Scratch NONE = new Scratch(0, 0, 0, false);

  /**
   * Below the frame, for the handler of a signal that comes before the signals are blocked, if then
   * this program is killed.
   */
  private static final int HANDLER_BYTES = 4 * LibC.PAGE_BYTES;

  /** Between the frame and what the stopped thread uses of the stack. */
  private static final int DISTANCE_BYTES = 64 << 10;

  /**
   * Finds it.
   *
   * @param pid the process, or a live thread of it
   */
  static Scratch find(Pid pid, MemoryMap map) throws SyscallException {
    for (Vma vma : map.vmas()) {
      if (vma.isStack()
          && vma.readable()
          && vma.writable()
          && vma.bytes() >= HANDLER_BYTES + SignalFrame.MAX_BYTES) {
        long start = vma.start() + HANDLER_BYTES;
        return new Scratch(start, vma.start(), vma.end(), isUntouched(pid, start));
      }
    }
    return NONE;
  }

  private static boolean isUntouched(Pid pid, long start) throws SyscallException {
    int pages = SignalFrame.MAX_BYTES / LibC.PAGE_BYTES;
    try (RawPagemap pagemap = RawPagemap.open(pid)) {
      int read = pagemap.read(start, pages);
      boolean untouched = read == pages;
      for (int i = 0; i < read; i++) {
        untouched &= !RawPagemap.present(pagemap.entry(i)) && !RawPagemap.swapped(pagemap.entry(i));
      }
      return untouched;
    }
  }

  /** Returns whether a thread with that stack pointer is on this stack. */
  boolean isOnThisStack(long stackPointer) {
    return Long.compareUnsigned(stackPointer, stackStart) >= 0
        && Long.compareUnsigned(stackPointer, stackEnd) <= 0;
  }

  /** Returns whether {@code bytes} from the start on are far below a stack pointer on it. */
  boolean isFarBelow(long stackPointer, int bytes) {
    return isOnThisStack(stackPointer)
        && Long.compareUnsigned(stackPointer, start + bytes + DISTANCE_BYTES) >= 0;
  }
}
