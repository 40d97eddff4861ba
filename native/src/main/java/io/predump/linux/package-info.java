/**
 * The binding to Linux: system calls, ioctls, ptrace and {@code /proc}. JNA ends here.
 *
 * <p>What it does: opens, scans, reads and write-protects the memory of another process; stops its
 * threads and lets them go again; parses what {@code /proc} says about it. What it does not do:
 * log, choose a policy, keep pages, know image files. It never writes to another process's memory.
 *
 * <p>Rules every class keeps:
 *
 * <ul>
 *   <li>A failing call throws {@link io.predump.linux.SyscallException}, which names the call, the
 *       object and the errno. errno is read right after the call that failed. {@code EINTR} is
 *       repeated in one named method per call and never seen outside.
 *   <li>What was opened has one owner, who closes it. A borrowed descriptor is called borrowed in
 *       the Javadoc. A descriptor number of another process has a type of its own, {@link
 *       io.predump.linux.RemoteFd}.
 *   <li>Addresses are unsigned 64-bit numbers in a {@code long}; ranges are half-open.
 *   <li>Kernel structs are raw memory plus a class of offsets.
 *   <li>Unless a class says otherwise, one instance belongs to one thread at a time.
 * </ul>
 */
@NullMarked
package io.predump.linux;

import org.jspecify.annotations.NullMarked;
