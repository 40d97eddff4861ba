package io.predump.daemon;

import java.time.Duration;

/**
 * What a peer of the control socket may cost.
 *
 * @param connections connections at a time; one more takes the place of the one that has waited
 *     longest without saying Hello, if there is such
 * @param connectionsPerUser of those, connections of one unprivileged user
 * @param requestBytes the longest message that is taken
 * @param messageTime in which all of a message must come once it has begun, and the first one from
 *     the start
 * @param answerTime in which a peer must take an answer
 * @param queuedEvents events that wait for one peer
 */
public record ServerLimits(
    int connections,
    int connectionsPerUser,
    int requestBytes,
    Duration messageTime,
    Duration answerTime,
    int queuedEvents) {
  /** 128 connections, 16 of a user, 64 KiB, 5 s to send, 10 s to receive, 256 events. */
  public static final ServerLimits DEFAULT =
      new ServerLimits(128, 16, 64 << 10, Duration.ofSeconds(5), Duration.ofSeconds(10), 256);

  /** {@return connections of all unprivileged users: a quarter is always left to the others} */
  int strangers() {
    return Math.max(1, connections - connections / 4);
  }
}
