package io.predump.criu;

import io.predump.images.RawSummary;

/**
 * A restore that succeeded.
 *
 * @param round the round restored
 * @param rootPid pid of the root process, as {@code criu} sees it
 * @param exitCode of {@code criu}, which may have stayed as the parent of what it restored
 * @param images what the images given to it were made of
 * @param expandMicros time to make them
 * @param restoreMicros time from the start of {@code criu} until the processes ran
 */
public record RestoreResult(
    int round,
    int rootPid,
    int exitCode,
    RawSummary images,
    long expandMicros,
    long restoreMicros) {}
