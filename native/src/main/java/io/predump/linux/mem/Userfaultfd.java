package io.predump.linux.mem;

import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.IoctlBinding;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import io.predump.linux.Uffdio;
import java.nio.ByteBuffer;

/**
 * A userfaultfd in asynchronous write-protect mode: the kernel notes writes to registered memory by
 * itself, nobody waits for us. It acts on the address space of the process that created it, whoever
 * holds the descriptor. Closing it ends the tracking: the kernel then walks everything registered
 * under the mmap lock, 22 to 25 ms per GiB. Thread-safe.
 */
public final class Userfaultfd implements AutoCloseable {
  private final Fd fd;
  private final IoctlBinding binding;
  private final NativeBuffer memory;
  private final ByteBuffer arg;

  private Userfaultfd(Fd fd, IoctlBinding binding) throws SyscallException {
    this.fd = fd;
    this.binding = binding;
    this.memory = NativeBuffer.allocate(LibC.PAGE_BYTES);
    this.arg = memory.bytes();
  }

  /**
   * Takes over the userfaultfd of another process.
   *
   * @param fd our descriptor of it; closed with the result
   */
  public static Userfaultfd adopt(Fd fd) throws SyscallException {
    return new Userfaultfd(fd, IoctlBinding.KERNEL);
  }

  /**
   * Creates one for our own memory.
   *
   * @throws SyscallException ENOSYS without CONFIG_USERFAULTFD, EPERM where policy forbids it
   */
  public static Userfaultfd create() throws SyscallException {
    long fd =
        LibC.syscall(
            LibC.SYS_USERFAULTFD,
            LibC.O_CLOEXEC | LibC.O_NONBLOCK | Uffdio.USER_MODE_ONLY,
            0,
            0,
            0,
            0,
            0);
    if (fd < 0) {
      throw new SyscallException("userfaultfd()", Errno.last());
    }
    return new Userfaultfd(Fd.adopt((int) fd, "userfaultfd"), IoctlBinding.KERNEL);
  }

  /**
   * Switches it to asynchronous write protection. To be called once, before anything else.
   *
   * @throws SyscallException EINVAL before Linux 6.7, or when called a second time
   */
  public synchronized void api() throws SyscallException {
    arg.putLong(Uffdio.API_API, Uffdio.API_VERSION);
    arg.putLong(Uffdio.API_FEATURES, Uffdio.FEATURE_WP_ASYNC);
    arg.putLong(Uffdio.API_IOCTLS, 0);
    request(Uffdio.API, "UFFDIO_API, features=WP_ASYNC");
  }

  /**
   * Registers a mapping for write protection. Nothing is protected yet: the next scan does that.
   *
   * @param range page aligned, best a whole mapping
   * @throws SyscallException EBUSY if another userfaultfd has part of it (nothing is registered
   *     then), EPERM for shared mappings that may not become writable, EINVAL for special mappings
   *     or if nothing is mapped there, ENOMEM if the process is gone or exec'ed
   */
  public synchronized void registerWriteProtect(AddressRange range) throws SyscallException {
    arg.putLong(Uffdio.REGISTER_START, range.start());
    arg.putLong(Uffdio.REGISTER_LEN, range.bytes());
    arg.putLong(Uffdio.REGISTER_MODE, Uffdio.MODE_WP);
    arg.putLong(Uffdio.REGISTER_IOCTLS, 0);
    request(Uffdio.REGISTER, "UFFDIO_REGISTER, " + range);
  }

  /**
   * Takes the protection off a registered range, markers of dropped pages included; what is there
   * counts as written then.
   *
   * @param range page aligned
   * @throws SyscallException ENOENT if part of it is not registered, ESRCH if the process is gone,
   *     EAGAIN while the mappings change
   */
  public synchronized void removeProtection(AddressRange range) throws SyscallException {
    arg.putLong(Uffdio.WRITEPROTECT_START, range.start());
    arg.putLong(Uffdio.WRITEPROTECT_LEN, range.bytes());
    arg.putLong(Uffdio.WRITEPROTECT_MODE, 0);
    request(Uffdio.WRITEPROTECT, "UFFDIO_WRITEPROTECT, " + range);
  }

  /**
   * Ends the tracking of a range. Takes the process's mmap lock for 145 to 290 µs per 8 MiB of
   * protected pages: unregister large mappings in parts, with pauses.
   *
   * @param range page aligned
   * @throws SyscallException EINVAL if nothing is mapped there, ENOMEM if the process is gone
   */
  public synchronized void unregister(AddressRange range) throws SyscallException {
    arg.putLong(Uffdio.RANGE_START, range.start());
    arg.putLong(Uffdio.RANGE_LEN, range.bytes());
    request(Uffdio.UNREGISTER, "UFFDIO_UNREGISTER, " + range);
  }

  private void request(long request, String what) throws SyscallException {
    while (true) {
      int result = binding.ioctl(fd.number(), request, memory.address());
      if (result >= 0) {
        return;
      }
      Errno errno = new Errno(-result);
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("ioctl(" + fd.path() + ", " + what + ")", errno);
      }
    }
  }

  /** Closes the descriptor, which ends all tracking by it. */
  @Override
  public synchronized void close() {
    fd.close();
    memory.close();
  }
}
