package io.predump.linux.proc;

import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import java.nio.file.Path;

/** The capabilities a program file gives to whoever runs it, capabilities(7). */
public final class FileCapabilities {
  private static final String ATTRIBUTE = "security.capability";

  /** The attribute's largest form, {@code struct vfs_ns_cap_data}. */
  private static final int MOST_BYTES = 24;

  private FileCapabilities() {}

  /**
   * Returns whether a file has any.
   *
   * @throws SyscallException if memory is lacking
   */
  public static boolean has(Path program) throws SyscallException {
    try (NativeBuffer value = NativeBuffer.allocate(MOST_BYTES)) {
      return LibC.getxattr(program.toString(), ATTRIBUTE, value.address(), MOST_BYTES) > 0;
    }
  }
}
