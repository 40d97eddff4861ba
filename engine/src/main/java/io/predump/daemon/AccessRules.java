package io.predump.daemon;

import java.io.IOException;

/**
 * Who may do what. Root and the daemon's own user may do everything; nobody else may do anything
 * yet.
 */
public final class AccessRules {
  /**
   * @throws DaemonException if the peer may not attach the process
   */
  void requireMayAttach(Peer peer, AttachRequest request) throws IOException {
    if (!peer.isPrivileged()) {
      throw new DaemonException(
          ErrorCode.LACKING,
          "pid=" + request.target() + ": user " + peer.uid() + " may attach nothing");
    }
  }

  /** {@return whether the peer may see and use a session of that owner} */
  boolean mayUse(Peer peer, Peer owner) {
    return peer.isPrivileged() || peer.uid() == owner.uid();
  }
}
