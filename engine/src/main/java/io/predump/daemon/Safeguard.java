package io.predump.daemon;

/**
 * What keeps a peer from what is not its own. Tests switch one off to prove that they would notice.
 */
enum Safeguard {
  /** An unprivileged peer attaches processes of its own alone. */
  OWN_PROCESSES,
  /** Every process that joins the tree later is judged too. */
  OWN_CHILDREN,
  /** Files are opened with the peer's rights, not the daemon's. */
  FILE_IDENTITY,
  /** A peer sees and uses its own sessions alone. */
  OWN_SESSIONS
}
