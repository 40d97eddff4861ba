package io.predump.images;

/**
 * Which process a round is of; a pid alone can be reused.
 *
 * @param pid pid as the engine sees it
 * @param vpid pid in the process's own pid namespace, the one in file names
 * @param startTimeTicks start time since boot in clock ticks, field 22 of {@code /proc/PID/stat}
 * @param name the command name
 */
public record ProcessIdentity(int pid, int vpid, long startTimeTicks, String name) {}
