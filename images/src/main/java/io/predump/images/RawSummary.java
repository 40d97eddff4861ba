package io.predump.images;

/**
 * What raw images were made of.
 *
 * @param rounds directories of rounds written: 1, or as many as the chain has
 * @param processes processes whose pages were written
 * @param chainPages pages of the newest round that the chain holds
 * @param criuPages pages of processes whose bytes CRIU wrote itself
 * @param zeroPages pages that nobody stores because they are zeros
 * @param leftOutPages pages the chain holds that lie in no mapping CRIU fills
 * @param pagesBytes bytes of the pages files written, holes counted
 * @param otherBytes bytes of CRIU's own files taken over, by copy or by link
 */
public record RawSummary(
    int rounds,
    int processes,
    long chainPages,
    long criuPages,
    long zeroPages,
    long leftOutPages,
    long pagesBytes,
    long otherBytes) {}
