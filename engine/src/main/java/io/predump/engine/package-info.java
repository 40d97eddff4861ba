/**
 * Tracks, copies, freezes. {@link io.predump.engine.PreDumpSession} is the one way in.
 *
 * <h2>One round</h2>
 *
 * <ol>
 *   <li>{@code AttachedProcess} reads maps; {@code VmaPolicies} gives every mapping a policy; what
 *       no mapping covers any more leaves the {@code PageTable}.
 *   <li>A {@code DirtyTracker} per policy marks pages <i>owed</i>: listed by the kernel as written,
 *       new, or not trusted. The scan that lists a page arms it again in the same step; with
 *       soft-dirty bits listing and arming are two, and the whole tree stands still from one to the
 *       other.
 *   <li>The owed pages, in address order, are cut into jobs; {@code CopyPipeline} reads them after
 *       the scan that listed them, so a write in between is listed again next time.
 *   <li>{@code RoundAssembly} writes what the table says: stored pages PRESENT, the rest PARENT.
 *       The last question before the commit goes to the pagemap descriptor opened at attach: is it
 *       still the same address space?
 * </ol>
 *
 * <p>A page stays owed until its bytes are in a file, or known to equal the chain's, or zero. A
 * round that fails is taken back: what it stored is owed again, and its hashes are forgotten.
 *
 * <h2>How many rounds</h2>
 *
 * <p>{@code PreDumpLoop} takes rounds until {@code ConvergencePolicy} says stop: asked between scan
 * and copy whether there is room for the round, and after it whether another one pays. {@code
 * CopyBrake} keeps the workers of live rounds within their limits and {@code CopyPacer} each of
 * them out of the target's way, {@code RpoSchedule} begins rounds in time, {@code HotPages} leaves
 * hot pages, still owed, to the freeze. {@link io.predump.engine.WriteProbe} forecasts all this: it
 * watches by the scans of a run, and simulates the run under the same policy ({@code RunForecast}).
 *
 * <h2>What can go wrong</h2>
 *
 * <ul>
 *   <li><b>Lost write.</b> The kernel's written bit is consumed by the scan. Everything between the
 *       scan and the rename therefore keeps the page owed, and a call that fails half-way is
 *       harvested.
 *   <li><b>Replaced mapping.</b> Scans insist on registration; what is not registered any more is
 *       read again whole.
 *   <li><b>Writes without a fault.</b> Shared memory is compared, not tracked. Fixed buffers of an
 *       io_uring are read every round, what is listed while O_DIRECT reads may be in flight is read
 *       once more ({@code UnseenWrites}); memory pinned by whoever we cannot name makes the final
 *       round read everything, and devices that write memory are refused ({@code Hazards}).
 *   <li><b>A target hung by protection.</b> A guard page made over a protected page of a file
 *       mapping never comes: small file mappings are compared, large ones rid of markers each
 *       round.
 *   <li><b>The target ends or execs.</b> The round is dropped, never mixed.
 *   <li><b>A stalled target.</b> {@code ScanPacer} bounds and spaces the calls that hold its mmap
 *       lock; closing unregisters in steps; reading un-shares nothing ({@code ProcessPages}).
 * </ul>
 */
@NullMarked
package io.predump.engine;

import org.jspecify.annotations.NullMarked;
