package io.predump.engine;

/** What keeps a page from being lost. Tests switch one off to prove that they would notice. */
enum Protection {
  /** Memory once armed is listed and armed again each round. */
  REARM,

  /** No process that shares the memory runs while it is read. */
  SHARERS
}
