/**
 * Stops threads of another process, acts in them, and lets them go as they were.
 *
 * <p>ptrace belongs to an OS thread: one {@link io.predump.linux.ptrace.TraceThread} makes every
 * request of an {@link io.predump.linux.ptrace.UserfaultfdInjection} or a {@link
 * io.predump.linux.ptrace.Freezer}. When it ends, however it ends, the kernel lets go of everything
 * it traced; PTRACE_O_EXITKILL is never set. The target must not be a child of this JVM: the JDK
 * waits for its children and swallows the stops.
 *
 * <p>Injection, the plain form, step by step:
 *
 * <ol>
 *   <li>Before anything stops: choose a thread (the main one, if it runs or waits in a system call
 *       that the kernel restarts; not one that is ending, in vfork or in uninterruptible sleep);
 *       find a {@code syscall} instruction in its {@code [vdso]}; open a pidfd; map scratch memory;
 *       make every request once on nothing, so that the stopped window loads no class.
 *   <li>SEIZE with TRACESYSGOOD, and with SUSPEND_SECCOMP if the thread has a filter: it would
 *       answer EPERM, or kill.
 *   <li>INTERRUPT; wait for PTRACE_EVENT_STOP, at most 300 ms. Another signal's stop may come
 *       first: it is passed on. A thread that does not stop is left, the next is tried, and the
 *       tracing thread is ended afterwards so that the kernel lets go of it.
 *   <li>Save registers and signal mask. If the instruction pointer lies in a restartable sequence
 *       (rseq), the saved one becomes its abort address: executing elsewhere makes the kernel
 *       forget the sequence, and it would go on as if never interrupted.
 *   <li>Block all signals.
 *   <li>For each call: set registers ({@code rip} at the instruction, {@code orig_rax} -1 so that
 *       no interrupted call is restarted), SYSCALL to its entry, SYSCALL to its exit. A group stop
 *       may show up in between; it is stepped over, and holds again after the detach.
 *   <li>Call {@code userfaultfd}, take the descriptor over by pidfd_getfd, call {@code close}.
 *   <li>INTERRUPT, CONT, wait for PTRACE_EVENT_STOP: back at the edge of user mode, where the
 *       kernel's own code for restarting a call runs after the detach.
 *   <li>Restore mask and registers, {@code orig_rax} and the restart code in {@code rax} included.
 *       DETACH.
 * </ol>
 *
 * <p>Races and limits:
 *
 * <ol>
 *   <li>Killed between the first SETREGSET and the restore (66 to 100 µs on a sleeping thread, 220
 *       to 330 µs on a running one), we take the target with us: its registers are ours.
 *   <li>A call that the kernel does not restart (epoll_wait, sigtimedwait, semtimedop,
 *       io_getevents, recv with a timeout) returns EINTR to the target, as after any stop. Such a
 *       thread is taken last, and reported.
 *   <li>The thread may have moved on between choice and stop: only what is saved at the stop
 *       counts.
 *   <li>The target may die at any moment (SIGKILL, exit of another thread). Then the next request
 *       says ESRCH, and there is nothing to restore.
 *   <li>An exec kills all other threads; the one we hold may be among them: as before.
 * </ol>
 */
@NullMarked
package io.predump.linux.ptrace;

import org.jspecify.annotations.NullMarked;
