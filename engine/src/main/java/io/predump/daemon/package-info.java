/**
 * Keeps sessions between the steps of a dump: a process that holds {@link
 * io.predump.engine.PreDumpSession}s, and a socket by which others use them.
 *
 * <p>The descriptor that tracks writes must outlive a step. A command that ends takes it along, and
 * the next step starts from nothing; a daemon keeps it.
 *
 * <h2>Parts</h2>
 *
 * <ol>
 *   <li>{@link io.predump.daemon.Sessions} is the registry: one session per process tree, bounded
 *       in number, found by id, name or pid. What is embedded or speaks another protocol begins
 *       here and needs no socket.
 *   <li>{@link io.predump.daemon.ManagedSession} is a session with a thread of its own. Whatever is
 *       asked of it is a job that waits in its queue: rounds, the finish, the release. So two
 *       clients of one session take turns, and two sessions run side by side.
 *   <li>{@link io.predump.engine.CopyBudget} is what all of them may take together. A round borrows
 *       threads and buffers for a stretch of pages, hands them back and queues up again, so that a
 *       large process does not keep a small one waiting.
 *   <li>{@link io.predump.daemon.AccessRules} decides who may attach what.
 *   <li>{@link io.predump.daemon.ControlServer} speaks the protocol of {@code control.proto} on a
 *       unix stream socket, a thread per connection, both bounded; {@code ControlClient} is its
 *       other side.
 *   <li>{@link io.predump.daemon.Metrics}, the log and the JFR events listen to the sessions.
 * </ol>
 *
 * <h2>Who may do what</h2>
 *
 * <p>Root and the daemon's own user may do everything. Anybody else may attach a process of their
 * own, in their user namespace, that is dumpable and holds no capability, with all below it being
 * so too, and see and use their own sessions alone. The thread of such a session takes on the file
 * system identity of its owner: what the owner may not open, the daemon does not open for them, and
 * the images are theirs. Nothing depends on a path that was looked at before.
 *
 * <h2>What can go wrong</h2>
 *
 * <ul>
 *   <li><b>The daemon is killed.</b> The kernel lets go of every target; committed rounds are good.
 *       The next start sweeps partial rounds and tells what can be attached again: tracking ended,
 *       so the next round of each is a full one.
 *   <li><b>A target ends.</b> Its session notes how, lets go, and stays to be asked until it is
 *       detached or another takes its place.
 *   <li><b>A client goes away.</b> What it asked for is done all the same; the session stays.
 *   <li><b>A hostile peer.</b> A message has a largest length, checked before anything is
 *       allocated, and a time in which the whole of it must come. Connections are bounded, and of
 *       them those of one user, so that nobody keeps root out. Watchers that do not read lose
 *       progress first, then their connection. Nothing that a peer sends goes into the log
 *       unquoted.
 *   <li><b>A child of another user.</b> A tree grows while it is tracked: every process that joins
 *       is judged by the rules again, after its memory is open and before a page is read.
 *   <li><b>SIGTERM.</b> Rounds under way are dropped, targets let go of, in that order, within the
 *       time that a service manager gives.
 * </ul>
 */
@NullMarked
package io.predump.daemon;

import org.jspecify.annotations.NullMarked;
