/**
 * Stops threads of another process, acts in them, and lets them go as they were.
 *
 * <p>ptrace belongs to an OS thread: one {@link io.predump.linux.ptrace.TraceThread} makes every
 * request of an {@link io.predump.linux.ptrace.UserfaultfdInjection} or a {@link
 * io.predump.linux.ptrace.Freezer}. When it ends, however it ends, the kernel lets go of everything
 * it traced; PTRACE_O_EXITKILL is never set. The target must not be a child of this JVM: the JDK
 * waits for its children and swallows the stops.
 *
 * <p>Injection, step by step, and what becomes of the target if this program is killed before the
 * step (SIGKILL: nothing of ours runs any more, the kernel lets go of the thread):
 *
 * <ol>
 *   <li>Before anything stops: choose a thread (the main one, if it runs or waits in a system call
 *       that the kernel restarts; not one that is ending, in vfork or in uninterruptible sleep);
 *       find three pieces of code ({@link io.predump.linux.ptrace.Gadgets}) and room at the bottom
 *       of its {@code [stack]} ({@link io.predump.linux.ptrace.Scratch}); look for what killed
 *       injections left ({@link io.predump.linux.ptrace.Leftovers}); open a pidfd; make every
 *       request 20 times on nobody, so that the stopped window loads no class. <em>Killed:
 *       nothing.</em>
 *   <li>If it is not the main thread, stop that one first: the frame of step 5 lies at the bottom
 *       of its stack ({@link io.predump.linux.ptrace.StackGuard}). One that does not stop within 20
 *       ms waits in the kernel, and cannot come back without stopping; if it only lacks a
 *       processor, 5 s. SEIZE with TRACESYSGOOD, and with SUSPEND_SECCOMP if the thread has a
 *       filter: it would answer EPERM, or kill. <em>Nothing; a stopped main thread goes on.</em>
 *   <li>INTERRUPT; wait for PTRACE_EVENT_STOP, at most 300 ms, or 5 s for a thread that only lacks
 *       a processor. Another signal's stop may come first: it is passed on. A thread that does not
 *       stop is left, the next is tried, and the tracing thread is ended afterwards so that the
 *       kernel lets go of it. <em>A stop like any other: it goes on.</em>
 *   <li>Save registers and signal mask. If the instruction pointer lies in a restartable sequence
 *       (rseq), the saved one becomes its abort address: executing elsewhere makes the kernel
 *       forget the sequence, and it would go on as if never interrupted. <em>It goes on.</em>
 *   <li>Check the code found in 1, save the scratch memory and write a signal frame there ({@link
 *       io.predump.linux.ptrace.SignalFrame}): general registers, floating point state, signal
 *       mask. <em>It goes on; a frame lies in memory that it does not use.</em>
 *   <li>Set registers that lead to rt_sigreturn. <em>From here to step 11: rt_sigreturn takes the
 *       thread back, with all registers and its mask. A sleep with a timeout returns EINTR.</em>
 *   <li>Block all signals.
 *   <li>Close leftovers, checked by kcmp.
 *   <li>For each call: set registers ({@code rip} at a {@code syscall; ret}, {@code rsp} at the
 *       frame, {@code orig_rax} -1 so that no interrupted call is restarted), SYSCALL to its entry,
 *       SYSCALL to its exit. A group stop may show up in between; it is stepped over, and holds
 *       again after the detach. <em>Killed: the thread makes the call by itself, returns to the
 *       frame, and goes back as above.</em>
 *   <li>Note in the frame's mark that a descriptor is about to be opened; call {@code userfaultfd};
 *       note its number; take it over by pidfd_getfd; call {@code close}. <em>Killed between the
 *       first and the last: one userfaultfd, close-on-exec, registered nowhere, stays open, and the
 *       mark tells the next injection.</em>
 *   <li>INTERRUPT, CONT, wait for PTRACE_EVENT_STOP: back at the edge of user mode, where the
 *       kernel's own code for restarting a call runs after the detach.
 *   <li>Restore mask, then registers, {@code orig_rax} and the restart code in {@code rax}
 *       included. <em>Killed from here on: as if let go.</em>
 *   <li>Restore the scratch memory. DETACH.
 * </ol>
 *
 * <p>The plain form writes no frame. It is taken, and announced with the reason, if the target has
 * no such code, has a shadow stack (a ret to our frame would be a fault), or has no unused stack:
 * less than 64 KiB between frame and stack pointer, or the stopped thread is on another stack and
 * the bottom of the main one has been touched by others than us (an empty mark stays there as
 * proof, in memory below any stack). Killed within it, between blocking the signals and restoring
 * the registers, the target dies, or keeps all signals blocked.
 *
 * <p>The thread stands still about four times until somebody looks. Where it is waited for decides
 * how long: see {@code WaitingPlace}.
 *
 * <p>Races and limits:
 *
 * <ol>
 *   <li>A seccomp filter is suspended only as long as we live: killed between step 9's registers
 *       and the entry of the call, about 20 µs, the filter sees userfaultfd. One that kills does.
 *       {@link io.predump.linux.ptrace.Injected#crashSafe} is false then.
 *   <li>A call that the kernel does not restart (epoll_wait, sigtimedwait, semtimedop,
 *       io_getevents, recv with a timeout) returns EINTR to the target, as after any stop. Such a
 *       thread is taken last, and reported.
 *   <li>The thread may have moved on between choice and stop: only what is saved at the stop
 *       counts.
 *   <li>The target may die at any moment (SIGKILL, exit of another thread). Then the next request
 *       says ESRCH, and there is nothing to restore.
 *   <li>An exec kills all other threads; the one we hold may be among them: as before. An exec
 *       between steps 1 and 3 is found in step 5: nothing is done, EFAULT.
 *   <li>A main thread that waits in a call which a stop would make return EINTR is not stopped for
 *       another one's sake. Its call may return in this very 0.1 ms, and it may use, for the first
 *       time ever, the deepest part of its stack, 100 KiB deeper than ever before; so may a vfork
 *       child on it. Therefore we look before each write whether what lies there is still ours, and
 *       leave it if not. What comes within the microsecond between look and write is undone.
 *   <li>A userfaultfd that is not known to be ours is left open: the mark was overwritten by a
 *       deeper stack, or moved away from by a grown one, or the target has unused ones of its own.
 *       A warning says so.
 * </ol>
 */
@NullMarked
package io.predump.linux.ptrace;

import org.jspecify.annotations.NullMarked;
