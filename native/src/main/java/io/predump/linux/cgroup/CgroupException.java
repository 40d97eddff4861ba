package io.predump.linux.cgroup;

import java.io.IOException;

/** A control group that cannot be frozen, or was not. The message names it and the reason. */
public final class CgroupException extends IOException {
  private static final long serialVersionUID = 1;

  /** Why not. */
  public enum Reason {
    /** The directory is no control group with a freezer. */
    NO_FREEZER,
    /** A process to be frozen sits elsewhere. */
    OUTSIDE,
    /** This program sits in it, or below it. */
    OURSELVES,
    /** Nobody could be found to thaw it, should this program be killed. */
    NO_GUARD,
    /** A thread did not stop in time. */
    NO_STOP,
    /** Somebody thawed it meanwhile. */
    THAWED
  }

  private final Reason reason;

  CgroupException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** Returns why not. */
  public Reason reason() {
    return reason;
  }
}
