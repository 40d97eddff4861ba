package io.predump.images;

/**
 * What was done with one VMA, and why.
 *
 * @param pid pid of the process, as in {@link ProcessIdentity#pid}
 * @param start first byte address
 * @param end first byte address after it
 * @param policy how its pages were captured
 * @param reason why this policy; empty when there is nothing to say
 * @param name path or pseudo name as /proc/PID/maps shows it; empty for plain anonymous memory
 */
public record VmaRecord(
    int pid, long start, long end, VmaPolicy policy, String reason, String name) {}
