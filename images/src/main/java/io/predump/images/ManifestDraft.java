package io.predump.images;

import java.util.List;
import java.util.Optional;

/**
 * The part of a {@link Manifest} that the caller of {@link RoundWriter#commit} knows.
 *
 * @param engineVersion version of the program
 * @param kernelRelease {@code uname -r}
 * @param bootId {@code /proc/sys/kernel/random/boot_id}
 * @param finalFreeze true for a round taken while the target was frozen
 * @param processes the processes, root first
 * @param tracker name of the tracker
 * @param vmas what was done with each VMA
 * @param owedPages pages listed as written and not in this round
 * @param createdUnixMillis the time now
 * @param warnings what the operator should know
 * @param notVerified why nobody can vouch for the round, such as a device that may write the
 *     target's memory unseen; empty if it is what memory was
 * @param criu the CRIU whose files lie in {@code criu/}, empty for a round that is memory alone
 */
public record ManifestDraft(
    String engineVersion,
    String kernelRelease,
    String bootId,
    boolean finalFreeze,
    List<ProcessIdentity> processes,
    String tracker,
    List<VmaRecord> vmas,
    long owedPages,
    long createdUnixMillis,
    List<String> warnings,
    List<String> notVerified,
    Optional<CriuOrigin> criu) {

  /** Copies the lists. */
  public ManifestDraft {
    processes = List.copyOf(processes);
    vmas = List.copyOf(vmas);
    warnings = List.copyOf(warnings);
    notVerified = List.copyOf(notVerified);
  }

  /** {@return the same of a round with CRIU's files} */
  public ManifestDraft withCriu(CriuOrigin origin) {
    return new ManifestDraft(
        engineVersion,
        kernelRelease,
        bootId,
        finalFreeze,
        processes,
        tracker,
        vmas,
        owedPages,
        createdUnixMillis,
        warnings,
        notVerified,
        Optional.of(origin));
  }
}
