package io.predump.linux;

import java.io.IOException;

/**
 * A system call failed. The message names the call, the object it was made on, and the errno:
 * {@code ioctl(/proc/3428/pagemap, PAGEMAP_SCAN, 0x7fff4253d000-0x7fff4255e000): ESRCH}.
 */
public final class SyscallException extends IOException {
  private static final long serialVersionUID = 1;

  private final String call;
  private final int number;

  /**
   * A failed call.
   *
   * @param call the call with its arguments, as the message shows it
   * @param errno why it failed
   */
  public SyscallException(String call, Errno errno) {
    super(call + ": " + errno.name());
    this.call = call;
    this.number = errno.number();
  }

  /**
   * A failed call with a reason in words.
   *
   * @param call the call with its arguments, as the message shows it
   * @param errno why it failed
   * @param reason what the errno means here, appended in parentheses
   */
  public SyscallException(String call, Errno errno, String reason) {
    super(call + ": " + errno.name() + " (" + reason + ")");
    this.call = call;
    this.number = errno.number();
  }

  /** Returns the whole message, never null. */
  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }

  /** Returns the call with its arguments, without the errno. */
  public String call() {
    return call;
  }

  /** Returns why the call failed. */
  public Errno errno() {
    return new Errno(number);
  }

  /** Returns whether the call failed with {@code errno}. */
  public boolean is(Errno errno) {
    return number == errno.number();
  }
}
