package io.predump.engine;

import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** How the threads of a tree are made to stand still. */
interface FreezeMethod extends AutoCloseable {
  /**
   * {@return the method the options name, ready for use}
   *
   * @param pids all processes of the tree
   * @throws IOException if a named cgroup cannot freeze them
   */
  static FreezeMethod of(SessionOptions options, List<Pid> pids) throws IOException {
    return options.freezeCgroup().isPresent()
        ? CgroupMethod.prepare(options.freezeCgroup().get(), pids)
        : new PtraceMethod();
  }

  /**
   * Stops all threads of all processes of the tree.
   *
   * @param timeout for one try
   * @throws IOException if one does not stop in time; all of them run on
   */
  Freeze freeze(TargetTree tree, Duration timeout) throws IOException;

  /** {@return whether a failure is one that another try may not meet again} */
  boolean isPassing(IOException failure);

  /** {@return whether the failure is a child between vfork and exec, there for a moment only} */
  static boolean isOfAMoment(IOException failure) {
    return failure instanceof TargetRefusedException;
  }

  /** {@return the method in a word or two, for the record} */
  String description();

  /** {@return what the operator should know about it} */
  List<String> warnings();

  @Override
  void close();
}
