package io.predump.engine;

/**
 * Switches protections off so that tests can prove that the checks fail without them.
 *
 * @param rearm whether memory once armed is listed and armed again; without, writes after the first
 *     round go unseen
 */
record TestHooks(boolean rearm) {
  /** Every protection on. */
  static final TestHooks NONE = new TestHooks(true);
}
