package io.predump.linux;

/**
 * Keeps the calling thread on a processor, or off it, sched_setaffinity(2), within those it may run
 * on anyway: a scope. Must be closed by the thread that opened it; a thread that had no mask of its
 * own has one afterwards, of what it could run on before.
 */
public final class ThreadAffinity implements AutoCloseable {
  /** Bits for 8192 processors, as many as the kernel can be built for. */
  private static final int MASK_BYTES = 1024;

  private final byte[] former;
  private final boolean kept;

  private ThreadAffinity(byte[] former, boolean kept) {
    this.former = former;
    this.kept = kept;
  }

  /**
   * Keeps the thread on a processor.
   *
   * @param processor number of the processor, from 0
   * @return the scope; {@link #kept()} says whether anything changed
   * @throws SyscallException EINVAL if the kernel knows of more than 8192 processors
   */
  public static ThreadAffinity on(int processor) throws SyscallException {
    byte[] former = get();
    byte[] wanted = new byte[former.length];
    int at = processor / Byte.SIZE;
    if (at < former.length) {
      wanted[at] = (byte) (former[at] & bit(processor));
    }
    return new ThreadAffinity(former, set(wanted));
  }

  /**
   * Keeps the thread off a processor.
   *
   * @param processor number of the processor, from 0
   * @return the scope; {@link #kept()} says whether anything changed
   * @throws SyscallException EINVAL if the kernel knows of more than 8192 processors
   */
  public static ThreadAffinity off(int processor) throws SyscallException {
    byte[] former = get();
    byte[] wanted = former.clone();
    int at = processor / Byte.SIZE;
    if (at < former.length) {
      wanted[at] &= (byte) ~bit(processor);
    }
    return new ThreadAffinity(former, set(wanted));
  }

  /** {@return whether the kernel agreed; not if no processor were left} */
  public boolean kept() {
    return kept;
  }

  private static int bit(int processor) {
    return 1 << processor % Byte.SIZE;
  }

  private static byte[] get() throws SyscallException {
    try (NativeBuffer memory = NativeBuffer.allocate(MASK_BYTES)) {
      long bytes =
          LibC.syscall(LibC.SYS_SCHED_GETAFFINITY, 0, MASK_BYTES, memory.address(), 0, 0, 0);
      if (bytes < 0) {
        throw new SyscallException("sched_getaffinity", Errno.last());
      }
      byte[] mask = new byte[(int) bytes];
      memory.bytes().get(0, mask);
      return mask;
    }
  }

  private static boolean set(byte[] mask) throws SyscallException {
    try (NativeBuffer memory = NativeBuffer.allocate(mask.length)) {
      memory.bytes().put(0, mask);
      return LibC.syscall(LibC.SYS_SCHED_SETAFFINITY, 0, mask.length, memory.address(), 0, 0, 0)
          == 0;
    }
  }

  /** Lets the thread run where it could before; what cannot be undone stays as it is. */
  @Override
  public void close() {
    if (!kept) {
      return;
    }
    try {
      set(former);
    } catch (SyscallException e) {
      // No memory for a mask: the thread is slower to move, nothing else.
    }
  }
}
