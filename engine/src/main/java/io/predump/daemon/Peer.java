package io.predump.daemon;

import io.predump.linux.Pid;
import io.predump.linux.net.PeerCredentials;

/**
 * On whose behalf something is done.
 *
 * @param uid the user
 * @param gid the group, of files that are made for them
 * @param pid the process that asks, 0 if it is none that we see
 * @param userNamespace the user namespace it was in when it connected, as {@code /proc/PID/ns/user}
 *     names it; empty if that could not be told
 */
public record Peer(int uid, int gid, int pid, String userNamespace) {
  /** {@return whoever is at the other end of a connection; to be asked when it is accepted} */
  public static Peer of(PeerCredentials credentials) {
    String namespace =
        credentials.pid() == 0 ? "" : UserNamespaces.of(new Pid(credentials.pid())).orElse("");
    return new Peer(credentials.uid(), credentials.gid(), credentials.pid(), namespace);
  }

  /** {@return this very process: what is embedded asks for itself} */
  public static Peer self() {
    return UserNamespaces.self();
  }

  /** {@return whether it may do everything: root, and the daemon's own user} */
  public boolean isPrivileged() {
    return uid == 0 || uid == self().uid();
  }
}
