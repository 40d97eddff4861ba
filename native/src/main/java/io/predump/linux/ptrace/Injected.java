package io.predump.linux.ptrace;

import io.predump.linux.Fd;
import java.util.List;

/**
 * The outcome of an injection.
 *
 * @param userfaultfd our descriptor of the target's userfaultfd; the receiver owns and closes it
 * @param tid the thread that was stopped
 * @param stoppedNanos from the request to stop it until it was let go; an upper bound of how long
 *     it stood
 * @param crashSafe whether the thread had a way back of its own, so that this program could have
 *     been killed at any moment without harm; if not, a warning says why
 * @param warnings what the user should know
 */
public record Injected(
    Fd userfaultfd, int tid, long stoppedNanos, boolean crashSafe, List<String> warnings) {
  public Injected {
    warnings = List.copyOf(warnings);
  }
}
