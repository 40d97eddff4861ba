package io.predump.daemon;

import java.time.Duration;
import java.util.Optional;

/**
 * Bounds on sessions.
 *
 * @param sessions sessions that live at a time
 * @param sessionsPerUser of those, sessions of one user who is neither root nor the daemon's own
 * @param waitingJobs requests that may wait for one session
 * @param idleTimeout when a session ends of which nobody asks anything, if its request says nothing
 */
public record SessionLimits(
    int sessions, int sessionsPerUser, int waitingJobs, Optional<Duration> idleTimeout) {
  /** 1024 sessions, 64 of a user, 16 waiting requests each, for ever. */
  public static final SessionLimits DEFAULT = new SessionLimits(1024, 64, 16, Optional.empty());

  public SessionLimits {
    if (sessions < 1 || sessionsPerUser < 1 || waitingJobs < 1) {
      throw new IllegalArgumentException(
          "sessions="
              + sessions
              + " sessionsPerUser="
              + sessionsPerUser
              + " waitingJobs="
              + waitingJobs
              + ": at least 1 each");
    }
  }

  /** {@return these limits with another number of sessions} */
  public SessionLimits withSessions(int number) {
    return new SessionLimits(number, sessionsPerUser, waitingJobs, idleTimeout);
  }

  /** {@return these limits with an end for sessions of which nobody asks anything} */
  public SessionLimits withIdleTimeout(Duration time) {
    return new SessionLimits(sessions, sessionsPerUser, waitingJobs, Optional.of(time));
  }
}
