package io.predump.linux.ptrace;

/**
 * Told of every act of an injection before it is done, from the first request to after the last:
 * the points at which this program might be killed. For tests.
 */
interface Boundary {
  Boundary NONE = act -> {};

  /** After the last act. */
  String END = "end";

  /**
   * An act is about to be done.
   *
   * @param act a constant, for example {@code PTRACE_SEIZE}
   */
  void before(String act);
}
