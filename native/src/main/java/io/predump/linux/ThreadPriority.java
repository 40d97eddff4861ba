package io.predump.linux;

/**
 * Lets the calling thread run before others for as long as a process stands still because of it: a
 * scope around a freeze. Without CAP_SYS_NICE it does nothing. Must be closed by the thread that
 * opened it.
 */
public final class ThreadPriority implements AutoCloseable {
  private static final int PRIO_PROCESS = 0;
  private static final int HIGHEST = -20;

  /** What getpriority(2) itself returns: 20 minus the nice value, so that it is never negative. */
  private static final int KERNEL_BIAS = 20;

  private final long tid;
  private final int nice;
  private boolean raised;

  private ThreadPriority(long tid, int nice, boolean raised) {
    this.tid = tid;
    this.nice = nice;
    this.raised = raised;
  }

  /** Raises the calling thread's priority to the highest, setpriority(2), if that is allowed. */
  public static ThreadPriority raise() {
    long tid = LibC.syscall(LibC.SYS_GETTID, 0, 0, 0, 0, 0, 0);
    long biased = LibC.syscall(LibC.SYS_GETPRIORITY, PRIO_PROCESS, tid, 0, 0, 0, 0);
    if (biased < 0) {
      return new ThreadPriority(tid, 0, false);
    }
    long set = LibC.syscall(LibC.SYS_SETPRIORITY, PRIO_PROCESS, tid, HIGHEST, 0, 0, 0);
    return new ThreadPriority(tid, (int) (KERNEL_BIAS - biased), set == 0);
  }

  /** Gives the thread its former priority back; further calls do nothing. */
  @Override
  public void close() {
    if (raised) {
      raised = false;
      LibC.syscall(LibC.SYS_SETPRIORITY, PRIO_PROCESS, tid, nice, 0, 0, 0);
    }
  }
}
