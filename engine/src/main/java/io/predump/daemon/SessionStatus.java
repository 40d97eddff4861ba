package io.predump.daemon;

import io.predump.engine.StopReason;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A session at one moment.
 *
 * @param id unique in the life of the daemon
 * @param name the client's own name for it
 * @param pid the root of the tree
 * @param processName its name when it was attached
 * @param uid the user whose session it is
 * @param imagesDir where its rounds go
 * @param state what it is doing
 * @param tracker the tracker in use, and why
 * @param rounds committed rounds of this session
 * @param last the newest of them
 * @param stoppedMicros how long a thread stood still to attach, at most, microseconds
 * @param attachedUnixMillis when it was attached
 * @param idleMillis time since somebody last asked something of it
 * @param rpoMicros how old the newest round may become
 * @param oldestMicros how old it has become at most, with an rpo
 * @param warnings what the operator should know
 * @param notVerified why nobody can vouch for the images
 * @param ended how the target ended
 * @param failure why a round of its own last failed
 */
public record SessionStatus(
    String id,
    Optional<String> name,
    Pid pid,
    String processName,
    int uid,
    Path imagesDir,
    SessionState state,
    String tracker,
    int rounds,
    Optional<RoundRecord> last,
    long stoppedMicros,
    long attachedUnixMillis,
    long idleMillis,
    OptionalLong rpoMicros,
    OptionalLong oldestMicros,
    List<String> warnings,
    List<String> notVerified,
    Optional<StopReason> ended,
    Optional<String> failure) {
  public SessionStatus {
    warnings = List.copyOf(warnings);
    notVerified = List.copyOf(notVerified);
  }
}
