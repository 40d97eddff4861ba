package io.predump.engine;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.images.MmImage;
import io.predump.images.PagesName;
import io.predump.images.ProcessIdentity;
import io.predump.images.VmaPolicy;
import io.predump.images.VmaRecord;
import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.mem.Userfaultfd;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.Smaps;
import io.predump.linux.proc.Vma;
import io.predump.linux.ptrace.Injected;
import io.predump.linux.ptrace.TraceException;
import io.predump.linux.ptrace.UserfaultfdInjection;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One process under tracking: its descriptors, its page table, its mappings as last read. The
 * pagemap and memory descriptors are opened at attach and belong to the address space the process
 * had then, so a later exec is noticed and never mixed in.
 */
final class AttachedProcess implements AutoCloseable {
  private final Pid pid;
  private final int vpid;
  private final ProcStatus status;
  private final long[] auxv;
  private final PagemapScanner scanner;
  private final ProcessMemory memory;
  private final VmaPolicies policies;
  private final DirtyTracker tracker;
  private final CompareTracker compare;
  private final PageTable table = new PageTable();
  private final Hazards hazards;
  private final long stoppedNanos;
  private final List<String> attachWarnings;

  private List<PolicedVma> vmas = List.of();
  private Set<Long> knownStarts = Set.of();
  private int newVmas;
  private int goneVmas;

  private AttachedProcess(
      Pid pid,
      ProcStatus status,
      long[] auxv,
      PagemapScanner scanner,
      ProcessMemory memory,
      VmaPolicies policies,
      Hazards hazards,
      int vpid,
      AttachContext context,
      @Nullable Injected injected)
      throws IOException {
    this.pid = pid;
    this.vpid = vpid;
    this.status = status;
    this.auxv = auxv;
    this.scanner = scanner;
    this.memory = memory;
    this.policies = policies;
    this.hazards = hazards;
    this.stoppedNanos = injected == null ? 0 : injected.stoppedNanos();
    this.attachWarnings = injected == null ? List.of() : List.copyOf(injected.warnings());
    PresenceLister lister =
        new PresenceLister(scanner, context.features().guardCategory().present());
    this.compare = new CompareTracker(lister);
    this.tracker =
        injected == null
            ? compare
            : new UffdWpTracker(
                pid,
                table,
                trackingDescriptor(injected, context.hooks()),
                scanner,
                lister,
                policies,
                context.features().reportsHoles(),
                context.hooks());
  }

  /**
   * Attaches to a running process that {@link TargetCheck} accepted: opens its descriptors, reads
   * smaps once, and has one thread call userfaultfd for us.
   *
   * @throws TargetRefusedException if the kernel cannot track it, or another process has its pid by
   *     now
   */
  static AttachedProcess attach(ProcStatus checked, AttachContext context) throws IOException {
    return open(checked, context, true);
  }

  /**
   * Takes a process in that was born just before its tree was frozen: nothing is injected, and all
   * it has is read.
   */
  static AttachedProcess attachFrozen(ProcStatus checked, AttachContext context)
      throws IOException {
    return open(checked, context, false);
  }

  private static AttachedProcess open(ProcStatus checked, AttachContext context, boolean track)
      throws IOException {
    Pid pid = checked.pid();
    PagemapScanner scanner = PagemapScanner.open(pid);
    ProcessMemory memory = null;
    try {
      memory = ProcessMemory.open(pid);
      ProcStatus status = ProcStatus.read(pid);
      if (status.startTimeTicks() != checked.startTimeTicks()) {
        throw new TargetRefusedException(
            Kind.EXITED, "pid=" + pid.number() + " has exited; another process has its pid now");
      }
      long[] auxv = ProcStatus.auxiliaryVector(pid);
      VmaPolicies policies = new VmaPolicies(Smaps.read(pid), Backing.asking(pid));
      Hazards hazards = new Hazards(pid);
      hazards.look();
      return new AttachedProcess(
          pid,
          status,
          auxv,
          scanner,
          memory,
          policies,
          hazards,
          vpid(status, context.namespaceDepth()),
          context,
          track ? inject(pid) : null);
    } catch (IOException | RuntimeException e) {
      scanner.close();
      if (memory != null) {
        memory.close();
      }
      throw e;
    }
  }

  private static int vpid(ProcStatus status, int namespaceDepth) {
    List<Integer> pids = status.namespacePids();
    return pids.size() > namespaceDepth ? pids.get(namespaceDepth) : status.pid().number();
  }

  private static Userfaultfd trackingDescriptor(Injected injected, TestHooks hooks)
      throws IOException {
    Userfaultfd userfaultfd = Userfaultfd.adopt(injected.userfaultfd());
    hooks.before("UFFDIO_API");
    try {
      userfaultfd.api();
    } catch (SyscallException e) {
      userfaultfd.close();
      throw e;
    }
    return userfaultfd;
  }

  private static Injected inject(Pid pid) throws IOException {
    try {
      return UserfaultfdInjection.inject(pid);
    } catch (TraceException e) {
      Kind kind = e.reason() == TraceException.Reason.NO_LIVE_THREAD ? Kind.EXITED : Kind.LACKING;
      throw new TargetRefusedException(kind, String.valueOf(e.getMessage()));
    }
  }

  Pid pid() {
    return pid;
  }

  /** {@return the pid by which the images name it: the one its tree's root sees} */
  int vpid() {
    return vpid;
  }

  /** {@return who a process is; its pid in the images is not known yet} */
  static ProcessIdentity identity(ProcStatus status) {
    int number = status.pid().number();
    return new ProcessIdentity(number, number, status.startTimeTicks(), status.name());
  }

  ProcessIdentity identity() {
    return new ProcessIdentity(pid.number(), vpid, status.startTimeTicks(), status.name());
  }

  /** {@return the tracker's name as the manifest writes it} */
  String trackerName() {
    return tracker.name();
  }

  /** {@return how long one thread stood still for the injection, nanoseconds} */
  long stoppedNanos() {
    return stoppedNanos;
  }

  /** {@return everything the operator should know, so far} */
  List<String> warnings() {
    List<String> all = new ArrayList<>(attachWarnings);
    all.addAll(tracker.warnings());
    all.addAll(hazards.warnings());
    return all;
  }

  /**
   * {@return whether the address space is still the one attached to} It may live on in a process
   * that shares it while this one has executed another program, so the auxiliary vector, which each
   * exec makes anew with random addresses, must be the same too.
   */
  boolean sameAddressSpace() throws SyscallException {
    return scanner.sameAddressSpace() && Arrays.equals(auxv, currentAuxv());
  }

  private long[] currentAuxv() throws SyscallException {
    try {
      return ProcStatus.auxiliaryVector(pid);
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return new long[0];
      }
      throw e;
    }
  }

  /**
   * {@return whether a process with this pid and start time still lives} One that is exiting gives
   * its memory back before it counts as dead, so it must have an address space too.
   */
  boolean alive() {
    try {
      ProcStatus now = ProcStatus.read(pid);
      return now.startTimeTicks() == status.startTimeTicks()
          && !now.isDead()
          && ProcStatus.auxiliaryVector(pid).length > 0;
    } catch (SyscallException e) {
      return false;
    }
  }

  /** Reads maps, registers what is new, lists what was written, and arms it again. */
  void scanLive(ScanCounts counts) throws IOException {
    hazards.look();
    hazards.lookForUserfaultfds();
    readMaps();
    vmas = tracker.prepare(vmas);
    settleGone();
    for (PolicedVma vma : vmas) {
      switch (vma.policy()) {
        case TRACK -> tracker.scanLive(vma, table, counts);
        case COMPARE -> {
          if (!vma.vma().shared()) {
            compare.scanLive(vma, table, counts);
          }
        }
        case AT_FREEZE -> table.vacate(vma.start(), vma.end(), vma.vacantState());
        case SKIP -> {}
      }
    }
  }

  /** Reads maps and lists what was written since the last scan; all threads stand still. */
  void scanFrozen(ScanCounts counts) throws IOException {
    readMaps();
    if (hazards.any()) {
      vmas = vmas.stream().map(AttachedProcess::distrusted).toList();
    }
    settleGone();
    for (PolicedVma vma : vmas) {
      if (vma.inProcessPagemap()) {
        DirtyTracker chosen = vma.policy() == VmaPolicy.TRACK ? tracker : compare;
        chosen.scanFrozen(vma, table, counts);
      }
    }
  }

  /**
   * Does what {@link #scanFrozen} will do, while the target runs: classes get loaded, code compiled
   * and buffers touched before the freeze instead of in it. What it marks owed is owed anyway.
   */
  void rehearseFreeze() throws IOException {
    hazards.look();
    Set<Long> starts = knownStarts;
    scanFrozen(new ScanCounts());
    space();
    knownStarts = starts;
  }

  private static PolicedVma distrusted(PolicedVma vma) {
    return vma.policy() == VmaPolicy.TRACK
        ? vma.with(VmaPolicy.COMPARE, "private, but written in ways no fault shows")
        : vma;
  }

  private void readMaps() throws IOException {
    List<PolicedVma> judged = policies.judge(MemoryMap.read(pid));
    if (!sameAddressSpace()) {
      throw new SyscallException("read(" + pid.procPath("maps") + ")", Errno.ESRCH);
    }
    Set<Long> starts = new HashSet<>();
    judged.forEach(vma -> starts.add(vma.start()));
    newVmas = (int) starts.stream().filter(start -> !knownStarts.contains(start)).count();
    goneVmas = (int) knownStarts.stream().filter(start -> !starts.contains(start)).count();
    knownStarts = starts;
    vmas = judged;
  }

  /** What no mapping of ours covers any more is gone, whatever the chain holds. */
  private void settleGone() {
    long covered = 0;
    for (PolicedVma vma : vmas) {
      if (vma.inProcessPagemap()) {
        if (vma.start() > covered) {
          table.vacate(covered, vma.start(), PageState.HOLE);
        }
        covered = vma.end();
      }
    }
    table.vacate(covered, Long.MAX_VALUE, PageState.HOLE);
  }

  /** {@return the process's pagemap, with what must be read for it now} */
  PageSpace space() {
    RunList runs = new RunList();
    for (PolicedVma vma : vmas) {
      if (vma.inProcessPagemap()) {
        table.collectOwed(vma.start(), vma.end(), runs, vma.runKind());
      }
    }
    return new PageSpace(
        PagesName.ofProcess(vpid),
        table,
        new ProcessPages(pid, memory),
        this,
        runs.cut(CopyPipeline.JOB_PAGES));
  }

  PageTable table() {
    return table;
  }

  List<PolicedVma> vmas() {
    return vmas;
  }

  int newVmas() {
    return newVmas;
  }

  int goneVmas() {
    return goneVmas;
  }

  /** {@return the mm image of the mappings as last read} */
  MmImage mm(SharedObjects shared) {
    return MmImages.of(status.layout(), auxv, vmas, shared);
  }

  /** {@return the policy of every mapping as last read, for the manifest} */
  List<VmaRecord> vmaRecords() {
    List<VmaRecord> records = new ArrayList<>(vmas.size());
    for (PolicedVma policed : vmas) {
      Vma vma = policed.vma();
      records.add(
          new VmaRecord(
              pid.number(),
              vma.start(),
              vma.end(),
              policed.policy(),
              policed.reason(),
              vma.name()));
    }
    return records;
  }

  @Override
  public void close() {
    try {
      tracker.close();
    } finally {
      scanner.close();
      memory.close();
    }
  }
}
