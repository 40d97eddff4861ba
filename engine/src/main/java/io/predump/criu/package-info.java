/**
 * Whole checkpoints with a stock CRIU: it writes everything but private memory, this engine writes
 * that.
 *
 * <h2>A dump</h2>
 *
 * <ol>
 *   <li>The session takes its live rounds as ever.
 *   <li>{@code CriuDump} starts {@code criu dump} into {@code criu/} of the round being built. A
 *       preloaded library, the <i>veil</i>, answers its pagemap scans with "nothing is resident",
 *       so CRIU freezes the tree, writes cores, files, mappings and shared memory, and no private
 *       page. A criu that cannot preload (static, setuid) is run with {@code --lazy-pages} instead.
 *   <li>In its {@code post-dump} hook, the tree still frozen, a few lines of {@code sh} tell the
 *       engine by a FIFO and wait for its word by another, whose end they read when the engine is
 *       gone: then the hook fails and CRIU resumes the tree. The engine takes its final round in
 *       that time.
 *   <li>With the tree left running, the hook returns once everything is read; files are put
 *       together after the thaw. Else it returns when the round is durable and verified, and CRIU
 *       ends the tree; or fails, and CRIU resumes everything.
 * </ol>
 *
 * <h2>A dump that somebody asked for over CRIU's RPC</h2>
 *
 * <p>{@code CriuRpcDump} is the same with {@code criu swrk}, for a client that has its own request
 * and waits for CRIU's answer.
 *
 * <ol>
 *   <li>{@code RpcCriu} starts it under the veil, connected with us by a socket (a small program,
 *       {@code rpc}, connects and becomes criu: Java gives its children no descriptors).
 *   <li>The client's request is sent on, changed where it must be: CRIU's files go into {@code
 *       criu/} of the round, no parent and no tracking, which are ours, and notifications always.
 *   <li>Each notification is told to the client if it asked for them, and its answer to CRIU. At
 *       {@code post-dump} the tree stands frozen and CRIU waits: the final round is taken then, and
 *       with the tree to end, made durable and put where the client wants it. Only then the client
 *       hears of {@code post-dump}; it may still say no.
 *   <li>We say yes or no to CRIU, and its response is the client's. No at any point: CRIU takes it
 *       for a failed hook and resumes the tree. The end of the socket, should we be killed, is a
 *       no.
 * </ol>
 *
 * <p>There is no falling back to lazy pages here: over RPC CRIU would serve them to the world.
 *
 * <h2>On disk</h2>
 *
 * <p>The final round holds, besides its own files, CRIU's under {@code criu/}, listed in the same
 * manifest and renamed with it. CRIU's {@code pagemap-PID.img} and {@code pages-N.img} of the tasks
 * stay as CRIU left them (all but empty under the veil; with {@code --lazy-pages} they say which
 * pages are ours): a restore replaces them. Shared memory is CRIU's. Which mappings of a task need
 * pages is read from the status bits of CRIU's {@code mm-PID.img}, and {@code N} is the {@code
 * pages_id} in the head of CRIU's {@code pagemap-PID.img}.
 *
 * <h2>A restore</h2>
 *
 * <p>{@code CriuRestore} makes a private directory with CRIU's files and the tasks' pages expanded
 * from the chain, runs {@code criu restore} on it, and removes it.
 *
 * <h2>What can go wrong</h2>
 *
 * <ul>
 *   <li><b>The veil does not take.</b> It leaves a sign, a file named by an environment variable,
 *       when it first answers; without the sign the hook fails and the tree runs on.
 *   <li><b>A page nobody wrote.</b> CRIU's pagemap is empty under the veil and proves nothing:
 *       every page that raw pagemap calls resident in a private mapping of CRIU's mm image must be
 *       held, or the dump fails before anything ends.
 *   <li><b>Guard pages.</b> CRIU knows them since 4.2 and learns of them by a scan the veil lets
 *       through; an older one is refused when the target has any.
 *   <li><b>The engine dies in the hook.</b> The hook reads the end of its FIFO and fails; so does
 *       the one in which CRIU, with lazy pages, is about to wait for a client for ever.
 *   <li><b>CRIU dies.</b> In our hook: its tracing ends with it and the tree runs on. In its own
 *       work on the tree a killed CRIU may kill its target; so it is never killed from here.
 * </ul>
 */
@NullMarked
package io.predump.criu;

import org.jspecify.annotations.NullMarked;
