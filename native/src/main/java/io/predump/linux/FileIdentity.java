package io.predump.linux;

/**
 * Whose rights the calling thread has on files: setfsuid(2), setfsgid(2) and setgroups(2), which
 * Linux keeps for each thread. The other threads of the process, and what this one may do beside
 * files, stay as they were.
 *
 * <p>For a thread that from then on works for one user alone, and ends: there is no way back.
 */
public final class FileIdentity {
  private static final long UNCHANGED = -1;

  private FileIdentity() {}

  /**
   * Takes on a user's rights, without any supplementary group. Files made by this thread are the
   * user's. Going from root to another user drops the capabilities that override rights on files.
   *
   * @throws SyscallException EPERM without CAP_SETUID and CAP_SETGID; the thread is to end then
   */
  public static void assume(int uid, int gid) throws SyscallException {
    if (LibC.syscall(LibC.SYS_SETGROUPS, 0, 0, 0, 0, 0, 0) != 0) {
      throw new SyscallException("setgroups(none)", Errno.last());
    }
    change(LibC.SYS_SETFSGID, "setfsgid", gid);
    change(LibC.SYS_SETFSUID, "setfsuid", uid);
  }

  /** The call itself never fails: it returns the identity before, so it is asked again. */
  private static void change(int call, String name, int id) throws SyscallException {
    LibC.syscall(call, id, 0, 0, 0, 0, 0);
    if ((int) LibC.syscall(call, UNCHANGED, 0, 0, 0, 0, 0) != id) {
      throw new SyscallException(name + "(" + id + ")", Errno.EPERM);
    }
  }
}
