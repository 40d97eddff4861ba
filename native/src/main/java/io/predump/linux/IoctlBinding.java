package io.predump.linux;

/**
 * ioctl(2) as a value, so that a test can stand in for a kernel that lacks a request.
 *
 * <p>Implementations are called from any thread and allocate nothing.
 */
@FunctionalInterface
public interface IoctlBinding {
  /** The running kernel. */
  IoctlBinding KERNEL =
      (fd, request, argument) -> {
        int result = LibC.ioctl(fd, request, argument);
        return result == -1 ? -LibC.errno() : result;
      };

  /**
   * Makes the request.
   *
   * @param fd an open descriptor
   * @param request the request number
   * @param argument an address, or whatever the request wants
   * @return what the kernel returns, never below 0, or the negated errno
   */
  int ioctl(int fd, long request, long argument);
}
