package io.predump.images;

/**
 * CRIU's {@code inventory_entry}, as far as a round has one.
 *
 * @param imgVersion 0 for a pre-dump, 2 for a whole dump
 * @param dumpUptimeMicros time since boot at which the round began; a parent counts for CRIU only
 *     if the task is older
 */
public record InventoryImage(int imgVersion, long dumpUptimeMicros) {}
