package io.predump.daemon.rpc;

import io.predump.daemon.ManagedSession;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A process tree that a client of RPC has had pre-dumped: its session, and where its rounds went.
 * Whoever uses it holds its lock.
 *
 * @param session tracks it
 * @param startTimeTicks when its root started, after boot in clock ticks
 * @param chain where its rounds lie, compressed
 * @param fillings where they were put
 * @param form what is put there
 * @param lock one request of a tree at a time
 */
record TrackedTree(
    ManagedSession session,
    long startTimeTicks,
    Path chain,
    Fillings fillings,
    ImageForm form,
    ReentrantLock lock) {}
