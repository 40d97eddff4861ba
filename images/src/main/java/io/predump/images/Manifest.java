package io.predump.images;

import java.util.List;
import java.util.Optional;

/**
 * What {@code round.img} says of a round.
 *
 * @param formatVersion version of the format the round was written in
 * @param engineVersion version of the program that wrote it
 * @param kernelRelease {@code uname -r}
 * @param bootId {@code /proc/sys/kernel/random/boot_id}
 * @param round number of the round, the directory's name
 * @param parent the round before, empty for a full round
 * @param finalFreeze true for a round taken while the target was frozen
 * @param processes the processes, root first
 * @param tracker name of the tracker
 * @param vmas what was done with each VMA
 * @param owedPages pages listed as written and not in this round: the chain is stale for them
 * @param createdUnixMillis when the round was committed
 * @param record figures of the round
 * @param smallFiles every file but pages files and {@code round.img} itself
 * @param pagesFiles the pages files; file N is {@code pages-N.img.zst}
 * @param warnings what the operator should know
 * @param notVerified why nobody can vouch for the round, such as a device that may write the
 *     target's memory unseen; empty if it is what memory was
 * @param criu the CRIU whose files lie in {@code criu/}, empty for a round that is memory alone
 */
public record Manifest(
    int formatVersion,
    String engineVersion,
    String kernelRelease,
    String bootId,
    int round,
    Optional<Parent> parent,
    boolean finalFreeze,
    List<ProcessIdentity> processes,
    String tracker,
    List<VmaRecord> vmas,
    long owedPages,
    long createdUnixMillis,
    RoundRecord record,
    List<SmallFile> smallFiles,
    List<PagesFile> pagesFiles,
    List<String> warnings,
    List<String> notVerified,
    Optional<CriuOrigin> criu) {

  /** The format version this library writes. */
  public static final int FORMAT_VERSION = 1;

  /**
   * The round a round builds on.
   *
   * @param round its number
   * @param manifestSha256 SHA-256 of its whole {@code round.img} (as {@code sha256sum} prints it),
   *     64 hexadecimal digits
   */
  public record Parent(int round, String manifestSha256) {}

  /** Copies the lists. */
  public Manifest {
    processes = List.copyOf(processes);
    vmas = List.copyOf(vmas);
    smallFiles = List.copyOf(smallFiles);
    pagesFiles = List.copyOf(pagesFiles);
    warnings = List.copyOf(warnings);
    notVerified = List.copyOf(notVerified);
  }
}
