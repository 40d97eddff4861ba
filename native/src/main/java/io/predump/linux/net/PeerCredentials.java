package io.predump.linux.net;

/**
 * Who connected, as the kernel noted it at connect(2): {@code struct ucred} of SO_PEERCRED.
 *
 * @param pid the process, in our pid namespace; 0 if it is in none that we see. It may have ended
 *     since, and its number may be another's now
 * @param uid its effective user id, in our user namespace; 65534 if that has none for it
 * @param gid its effective group id, likewise
 */
public record PeerCredentials(int pid, int uid, int gid) {
  @Override
  public String toString() {
    return "pid=" + pid + " uid=" + uid + " gid=" + gid;
  }
}
