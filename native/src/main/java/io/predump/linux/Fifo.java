package io.predump.linux;

import java.nio.file.Path;

/** Named pipes. */
public final class Fifo {
  private static final int OWNER_ONLY = 0600;

  private Fifo() {}

  /**
   * Makes a named pipe that only its owner may open, mkfifo(3).
   *
   * @throws SyscallException EEXIST, ENOENT, EACCES, EROFS, ENOSPC
   */
  public static void create(Path path) throws SyscallException {
    if (LibC.mkfifo(path.toString(), OWNER_ONLY) != 0) {
      throw new SyscallException("mkfifo(" + path + ")", Errno.last());
    }
  }
}
