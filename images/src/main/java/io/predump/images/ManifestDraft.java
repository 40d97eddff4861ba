package io.predump.images;

import java.util.List;

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
    List<String> notVerified) {

  /** Copies the lists. */
  public ManifestDraft {
    processes = List.copyOf(processes);
    vmas = List.copyOf(vmas);
    warnings = List.copyOf(warnings);
    notVerified = List.copyOf(notVerified);
  }
}
