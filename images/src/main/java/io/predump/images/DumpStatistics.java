package io.predump.images;

/**
 * CRIU's {@code dump_stats_entry}. Times over 71 minutes do not fit the format and are stored as
 * its maximum.
 *
 * @param freezingMicros until all threads stood still
 * @param frozenMicros while they stood still
 * @param memdumpMicros reading memory
 * @param memwriteMicros writing it
 * @param pagesScanned pages looked at
 * @param pagesSkippedParent pages left to the parent
 * @param pagesWritten pages stored
 * @param pagesLazy pages left to a lazy restore
 */
public record DumpStatistics(
    long freezingMicros,
    long frozenMicros,
    long memdumpMicros,
    long memwriteMicros,
    long pagesScanned,
    long pagesSkippedParent,
    long pagesWritten,
    long pagesLazy) {}
