/**
 * Speaks CRIU's RPC in the place of CRIU, for container runtimes and others that know nothing else.
 *
 * <p>A pre-dump of CRIU's ends with its program, and what it needs to find the next writes must lie
 * in the kernel: soft-dirty bits. Here the daemon keeps the session between two calls, and nobody
 * is frozen for a pre-dump.
 *
 * <h2>Who serves what</h2>
 *
 * <p>Requests come on a socket of type SOCK_SEQPACKET, one message a packet, from a client that
 * connects ({@code CriuRpcServer}); or on a socket of the client's own, which the program named
 * criu ({@code native/src/main/c/criu.c}) hands over together with the bytes of the request it
 * holds; or on one that {@code predump swrk FD} has inherited.
 *
 * <table>
 *   <caption>Requests</caption>
 *   <tr><th>request</th><th>served</th></tr>
 *   <tr><td>PRE_DUMP, SINGLE_PRE_DUMP with a pid</td><td>here: a live round</td></tr>
 *   <tr><td>the same to a page server, with lazy pages, or without a pid</td>
 *       <td>by the real criu where the kernel has soft-dirty bits; else refused, EOPNOTSUPP: the
 *       real criu would abort and leave its parasite mapped in the target</td></tr>
 *   <tr><td>DUMP with a pid and a {@code parent_img} that a pre-dump here has filled</td>
 *       <td>here, with the real criu ({@link io.predump.criu.CriuRpcDump})</td></tr>
 *   <tr><td>DUMP on a parent that was filled so, but is not known (any more)</td>
 *       <td>refused, EINVAL</td></tr>
 *   <tr><td>FEATURE_CHECK</td><td>by the real criu; {@code mem_track} is our answer</td></tr>
 *   <tr><td>every other</td><td>by the real criu, unchanged</td></tr>
 * </table>
 *
 * <p>What the real criu serves is, of a socket handed over, left to the process that handed it
 * over: it becomes criu. Else {@code Relay} starts one and passes on each packet; descriptors that
 * a request names by their number in the client are fetched, and named by ours.
 *
 * <h2>A pre-dump</h2>
 *
 * <ol>
 *   <li>{@code TrackedTrees} attaches the tree, or finds its session. Its rounds go, compressed,
 *       into a chain in the daemon's state directory.
 *   <li>One round is taken.
 *   <li>{@code CallerFiles} puts it, raw as CRIU's own, into the client's directory: if {@code
 *       parent_img} is a directory that an earlier pre-dump of this session has filled, what is
 *       newer than that, with the client's own {@code parent} link; else everything, without a
 *       link. With {@link ImageForm#COMPRESSED} the directory gets the whole chain up to the round
 *       instead, as it is, with hard links to what the parent's directory has of it.
 *   <li>The response says so. After PRE_DUMP the client may ask for the next, or for the DUMP.
 * </ol>
 *
 * <h2>A dump</h2>
 *
 * <p>The final round is taken while criu holds the tree at {@code post-dump}, put into the client's
 * directory in the same way, with all of CRIU's files, and only then criu is allowed to end the
 * tree. With {@code leave_running} the tree goes on as soon as memory is read; the images are
 * complete when the response comes, not yet when the client hears of {@code post-dump}. When the
 * tree has ended, its session and chain go.
 *
 * <h2>What can go wrong</h2>
 *
 * <ul>
 *   <li><b>Anything, before criu ends the tree.</b> The response says {@code success: false} with
 *       {@code cr_errno} and {@code cr_errmsg}, the log that the client named says it too, the tree
 *       runs on, and the session is as it was. A client that has gone, or says no at {@code
 *       post-dump}, or takes longer than two minutes to say something, is such a failure.
 *   <li><b>A parent that is not what it was.</b> A directory counts as filled by us only as long as
 *       it is the same directory with the same {@code inventory.img}, and so is each of its
 *       ancestors, whoever fills one anew; looked at before the work and once more before the
 *       images get their names.
 *   <li><b>The daemon was restarted.</b> It knows no parent: a pre-dump is a whole one again. A
 *       DUMP on a parent that one before it has filled, which the file {@code predump-round} in it
 *       tells, is refused, by the program {@code criu} too if no daemon runs: our tracker may have
 *       cleared soft-dirty bits, and the real criu would take for clean what was written since. A
 *       mark that the real criu has left in a directory that it filled anew counts as well. A DUMP
 *       on any other parent goes to the real criu.
 *   <li><b>A pid that is another's now.</b> A session counts only with the start time it was
 *       attached with; the round itself asks the address space.
 *   <li><b>A peer who may not.</b> Root and the daemon's own user are served, nobody else, at both
 *       ends: who connects, and who made the socket handed over. A client in another pid namespace
 *       is refused: its numbers mean others here.
 *   <li><b>Names that lead elsewhere.</b> The client's directories are used by their descriptors; a
 *       log is not written through a link.
 *   <li><b>The disk of the state directory.</b> It holds the compressed chain of every session,
 *       until the session ends: by a DUMP, the end of the target, or after it has been idle.
 * </ul>
 */
@NullMarked
package io.predump.daemon.rpc;

import org.jspecify.annotations.NullMarked;
