package io.predump.linux;

import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Page-aligned memory outside the Java heap: an anonymous private mapping of our own, zero, backed
 * page by page when first touched.
 *
 * <p>A view taken by {@link #bytes()} must not be used after {@link #close()}: the JVM would crash.
 */
public final class NativeBuffer implements AutoCloseable {
  private final long address;
  private final long byteCount;
  private boolean closed;

  private NativeBuffer(long address, long byteCount) {
    this.address = address;
    this.byteCount = byteCount;
  }

  /**
   * Maps at least {@code bytes} bytes, rounded up to whole pages.
   *
   * @throws SyscallException ENOMEM
   */
  public static NativeBuffer allocate(long bytes) throws SyscallException {
    if (bytes <= 0) {
      throw new IllegalArgumentException("nothing to allocate: bytes=" + bytes);
    }
    long rounded = (bytes + LibC.PAGE_BYTES - 1) & -LibC.PAGE_BYTES;
    long address =
        LibC.mmap(
            0,
            rounded,
            LibC.PROT_READ | LibC.PROT_WRITE,
            LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS | LibC.MAP_NORESERVE,
            -1,
            0);
    if (address == LibC.MAP_FAILED) {
      throw new SyscallException("mmap(anonymous, bytes=" + rounded + ")", Errno.last());
    }
    return new NativeBuffer(address, rounded);
  }

  /** Returns the address of the first byte, page aligned. */
  public long address() {
    requireOpen();
    return address;
  }

  /** Returns the size in bytes, a multiple of the page size. */
  public long byteCount() {
    return byteCount;
  }

  /**
   * Returns a new little-endian view of the whole buffer.
   *
   * @throws IllegalStateException if the buffer is larger than 2 GiB - 1; take a part then
   */
  public ByteBuffer bytes() {
    if (byteCount > Integer.MAX_VALUE) {
      throw new IllegalStateException("too large for one view: bytes=" + byteCount);
    }
    return bytes(0, (int) byteCount);
  }

  /**
   * Returns a new little-endian view of a part of the buffer.
   *
   * @param offset first byte
   * @param bytes length of the view
   */
  public ByteBuffer bytes(long offset, int bytes) {
    requireOpen();
    if (offset < 0 || bytes < 0 || offset > byteCount - bytes) {
      throw new IndexOutOfBoundsException(
          "offset=" + offset + " bytes=" + bytes + " of " + byteCount);
    }
    return new Pointer(address).getByteBuffer(offset, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Backs the first {@code bytes} bytes with memory now, so that later writes do not fault. Keeps
   * what is there. MADV_POPULATE_WRITE (Linux 5.14); where the kernel lacks it, touches every page.
   */
  public void prefault(long bytes) {
    requireOpen();
    long rounded = Math.min((bytes + LibC.PAGE_BYTES - 1) & -LibC.PAGE_BYTES, byteCount);
    if (rounded <= 0 || LibC.madvise(address, rounded, LibC.MADV_POPULATE_WRITE) == 0) {
      return;
    }
    Pointer memory = new Pointer(address);
    for (long offset = 0; offset < rounded; offset += LibC.PAGE_BYTES) {
      memory.setByte(offset, memory.getByte(offset));
    }
  }

  /** Unmaps the memory. Further calls do nothing. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      LibC.munmap(address, byteCount);
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("buffer is closed");
    }
  }
}
