package io.predump.engine;

import io.predump.linux.proc.ProcStatus;
import java.io.IOException;

/**
 * Decides which processes a session may take: for whoever copies on behalf of others. Asked about
 * the root and about every process that joins its tree later, one that executes another program
 * anew; after the process's memory was opened, which belongs to one address space for good, and
 * before anything is read or changed.
 */
@FunctionalInterface
public interface Admission {
  /** Admits whatever the kernel lets us copy. */
  Admission EVERYTHING = process -> {};

  /**
   * Lets a process in.
   *
   * @throws TargetRefusedException if it may not be copied: the attach or the round fails
   * @throws IOException if that cannot be told
   */
  void require(ProcStatus process) throws IOException;
}
