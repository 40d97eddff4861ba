package io.predump.engine;

/**
 * The final freeze, measured from inside the engine.
 *
 * @param method what stopped them: {@code ptrace}, a cgroup's version and directory, or criu
 * @param threadCount threads stopped
 * @param stopMicros until the last thread had stopped; if criu stops them, until it had written all
 *     but private memory
 * @param scanMicros reading the maps and listing what was written, frozen
 * @param readMicros reading the listed pages, frozen
 * @param checkMicros proving that a checkpoint lacks no page, frozen; 0 for a round of memory alone
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
    long checkMicros,
    long frozenMicros,
    long pageCount,
    long readBytes,
    long writtenFrozenBytes) {}
