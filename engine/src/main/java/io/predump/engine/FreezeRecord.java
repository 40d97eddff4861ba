package io.predump.engine;

/**
 * The final freeze, measured from inside the engine.
 *
 * @param method what stopped them: {@code ptrace}, or a cgroup's version and directory
 * @param threadCount threads stopped
 * @param stopMicros until the last thread had stopped
 * @param scanMicros reading the maps and listing what was written, frozen
 * @param readMicros reading the listed pages, frozen
 * @param frozenMicros from the first thread stopped to the last let go, without the comparison
 * @param pageCount pages read
 * @param readBytes bytes read under the freeze
 * @param writtenFrozenBytes bytes that exceeded the buffer and were compressed and written frozen
 */
public record FreezeRecord(
    String method,
    int threadCount,
    long stopMicros,
    long scanMicros,
    long readMicros,
    long frozenMicros,
    long pageCount,
    long readBytes,
    long writtenFrozenBytes) {}
