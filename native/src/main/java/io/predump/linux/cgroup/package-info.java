/**
 * Freezes processes by the control group they sit in, version 2 or 1, and makes sure that they run
 * again whatever becomes of this program.
 *
 * <p>A cgroup freezes at once and whole: who is born in it is born frozen, and a thread that waits
 * for its vfork child counts as frozen, where ptrace waits for each thread's answer. But ptrace
 * ends with the tracer, by the kernel's hand; a frozen cgroup stays frozen until somebody writes to
 * its file. A program that is killed in between leaves a dead service behind that no check of its
 * own will ever notice. Therefore nothing is frozen here without a {@link
 * io.predump.linux.cgroup.ThawGuard}, step by step:
 *
 * <ol>
 *   <li>The guard is started: a shell in a session of its own, so that no terminal and no process
 *       group reaches both; deaf to HUP, INT, QUIT and TERM. It reads from a pipe whose only other
 *       end is ours.
 *   <li>It is put where no single blow hits both of us: into the root of the hierarchies by which
 *       service managers kill (version 2, {@code name=systemd}), which also parts it from a {@code
 *       memory.oom.group} of ours, and the OOM killer is asked to spare it ({@code oom_score_adj}
 *       -1000, if that is allowed).
 *   <li>Right before the freeze it is asked to answer, through the pipe, and does: it runs, it
 *       reads, and it is not itself in a frozen group.
 *   <li>1 is written to {@code cgroup.freeze}. <em>Killed from here on: the kernel closes our end
 *       of the pipe, the guard reads end of file and writes 0 until it succeeds or the group is
 *       gone.</em>
 *   <li>We write 0, and only then tell the guard that it may go.
 * </ol>
 *
 * <p>What remains: somebody kills us and, within the milliseconds of a freeze, also a process of
 * another session in another cgroup by its own pid. A pid namespace that ends takes both, and all
 * targets with it. {@link io.predump.linux.cgroup.ThawGuard#isApart} says whether step 2 succeeded;
 * where it did not (a container without the right to move a process), a service manager that kills
 * everything at once could leave the target frozen. ptrace has no such remainder at all, and is but
 * some 0.1 to 1 ms slower: so it is what freezes unless a cgroup is asked for.
 *
 * <p>Whom a freezer holds, anybody with the right to write the file lets go. {@link
 * io.predump.linux.cgroup.CgroupFreeze#requireHeld} looks once more before what was read counts. A
 * group that was frozen before we came stays frozen when we leave.
 */
@NullMarked
package io.predump.linux.cgroup;

import org.jspecify.annotations.NullMarked;
