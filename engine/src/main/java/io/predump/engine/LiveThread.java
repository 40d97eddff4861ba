package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.Smaps;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The thread of a process that /proc is asked about: the main one, or another once that has ended.
 * {@code /proc/PID} of a process whose main thread has ended shows no mappings and no descriptors,
 * while {@code /proc/TID} of any living thread shows all of them. Safe for use by several threads.
 */
final class LiveThread {
  private final Pid process;
  private volatile Pid current;

  /** Begins with the main thread, dead or alive. */
  LiveThread(Pid process) {
    this.process = process;
    this.current = process;
  }

  /** {@return a living thread of a process, the main one if it lives; empty if none does} */
  static Optional<Pid> of(Pid process) throws SyscallException {
    try {
      for (int tid : ProcStatus.threads(process)) {
        if (lives(process, tid)) {
          return Optional.of(new Pid(tid));
        }
      }
      return Optional.empty();
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Takes another thread if the one taken before has ended. */
  void renew() throws SyscallException {
    if (!lives(process, current.number())) {
      current = of(process).orElse(current);
    }
  }

  /**
   * {@return whether there is a living thread now, other than the one that was found to be gone}
   */
  boolean renewedSince(Pid gone) throws SyscallException {
    renew();
    return !current.equals(gone);
  }

  private static boolean lives(Pid process, int tid) throws SyscallException {
    try {
      return ProcStatus.threadHasMemory(process, tid);
    } catch (SyscallException e) {
      if (!e.is(Errno.EACCES) && !e.is(Errno.EPERM)) {
        throw e;
      }
      char state = ProcStatus.threadState(process, tid);
      return state != 'Z' && state != 'X' && state != 'x';
    }
  }

  /** Something /proc tells about a thread. */
  interface Question<T> {
    /** {@return the answer} */
    T ask(Pid thread) throws SyscallException;
  }

  /**
   * Asks a living thread. One that ends meanwhile shows no memory and no files, or fails, as if the
   * process had none; then another is asked.
   *
   * @throws SyscallException what the question threw of a thread that still lives; ENOENT or ESRCH
   *     if the process is gone
   */
  <T> T ask(Question<T> question) throws SyscallException {
    return ask(question, answer -> {});
  }

  /**
   * The same for something that must be closed.
   *
   * @param discard closes an answer that was got of a thread that has ended
   */
  <T> T ask(Question<T> question, Consumer<T> discard) throws SyscallException {
    while (true) {
      renew();
      Pid asked = current;
      try {
        T answer = question.ask(asked);
        if (!renewedSince(asked)) {
          return answer;
        }
        discard.accept(answer);
      } catch (SyscallException e) {
        if (!renewedSince(asked)) {
          throw e;
        }
      }
    }
  }

  /**
   * Reads the mappings.
   *
   * @throws SyscallException ENOENT or ESRCH if the process is gone
   */
  MemoryMap maps() throws SyscallException {
    return ask(MemoryMap::read);
  }

  /**
   * Reads the mappings with their flags and amounts.
   *
   * @throws SyscallException ENOENT or ESRCH if the process is gone
   */
  Smaps smaps() throws SyscallException {
    return ask(Smaps::read);
  }

  /** {@return the process, named by its main thread} */
  Pid process() {
    return process;
  }

  /** {@return the thread} */
  Pid id() {
    return current;
  }
}
