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
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.Vma;
import io.predump.linux.ptrace.Injected;
import io.predump.linux.ptrace.TraceException;
import io.predump.linux.ptrace.UserfaultfdInjection;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One process under tracking: its descriptors, its page table, its mappings as last read. The
 * pagemap and memory descriptors are opened at attach and belong to the address space the process
 * had then, so a later exec is noticed and never mixed in.
 */
final class AttachedProcess implements AutoCloseable {
  /** {@code e_ident[EI_CLASS]} of an ELF file, elf(5). */
  private static final int ELF_CLASS = 4;

  private static final int ELF_CLASS_32 = 1;

  private final Pid pid;
  private final LiveThread thread;
  private final int vpid;
  private final ProcStatus status;
  private final ProcStatus.Layout layout;
  private final long[] auxv;
  private final PageLister lister;
  private final ProcessMemory memory;
  private final VmaPolicies policies;
  private final DirtyTracker tracker;
  private final CompareTracker compare;
  private final PageTable table = new PageTable();
  private final Hazards hazards;
  private final @Nullable UnseenWrites unseen;
  private final AttachContext context;
  private final long stoppedNanos;
  private final List<String> attachWarnings;

  private List<PolicedVma> vmas = List.of();
  private long scanBegan;
  private HugePages hugePages = HugePages.NONE;
  private List<PolicedVma> vmasBefore = List.of();

  private AttachedProcess(
      LiveThread thread,
      ProcStatus status,
      long[] auxv,
      PageLister lister,
      ProcessMemory memory,
      VmaPolicies policies,
      Hazards hazards,
      int vpid,
      AttachContext context,
      boolean track)
      throws IOException {
    this.pid = status.pid();
    this.thread = thread;
    this.layout = thread.ask(living -> ProcStatus.readThread(pid, living.number())).layout();
    this.vpid = vpid;
    this.status = status;
    this.auxv = auxv;
    this.lister = lister;
    this.memory = memory;
    this.policies = policies;
    this.hazards = hazards;
    this.context = context;
    CopyLimits limits = context.options().limits();
    this.compare = new CompareTracker(lister, limits, context.hooks());
    Injected injected =
        track && context.tracker().tracker() == TrackerChoice.UFFD_WP ? inject(pid) : null;
    this.stoppedNanos = injected == null ? 0 : injected.stoppedNanos();
    this.attachWarnings = injected == null ? List.of() : List.copyOf(injected.warnings());
    hazards.attached();
    if (injected != null && lister instanceof PresenceLister scans) {
      this.tracker =
          new UffdWpTracker(
              thread,
              table,
              trackingDescriptor(injected, context.hooks()),
              scans.scanner(),
              scans,
              policies,
              limits,
              context.features().reportsHoles(),
              context.hooks());
      this.unseen = new UnseenWrites(hazards, table, context.hooks());
    } else if (track && lister instanceof RawLister raw && softDirty(context)) {
      this.tracker = new SoftDirtyTracker(raw, thread, table, limits, context.hooks());
      this.unseen = new UnseenWrites(hazards, table, context.hooks());
    } else {
      this.tracker = compare;
      this.unseen = null;
    }
  }

  private static boolean softDirty(AttachContext context) {
    return context.tracker().tracker() == TrackerChoice.SOFT_DIRTY;
  }

  /** Soft-dirty bits of hugetlb memory are neither cleared nor set. */
  private static boolean tracksHugetlb(AttachContext context) {
    return context.tracker().tracker() == TrackerChoice.UFFD_WP
        && context.features().tracksHugetlb();
  }

  private static boolean guardsInFiles(AttachContext context) {
    return context.features().guardCategory().present()
        && context.hooks().on(Protection.SMALL_FILES_COMPARED);
  }

  private static PageLister lister(LiveThread thread, AttachContext context)
      throws SyscallException {
    boolean scans = context.features().pagemapScan().present();
    return scans && !softDirty(context)
        ? new PresenceLister(
            thread.ask(PagemapScanner::open, PagemapScanner::close),
            context.features().guardCategory().present(),
            context.options().restoreThp(),
            context.hooks())
        : RawLister.open(thread, scans, context.hooks());
  }

  /**
   * Attaches to a running process that {@link TargetCheck} accepted: opens its descriptors, reads
   * smaps once, and, for tracking by userfaultfd, has one thread make one for us.
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
    LiveThread thread = new LiveThread(pid);
    PageLister lister = lister(thread, context);
    ProcessMemory memory = null;
    try {
      memory = thread.ask(ProcessMemory::open, ProcessMemory::close);
      ProcStatus status = ProcStatus.read(pid);
      if (status.startTimeTicks() != checked.startTimeTicks()) {
        throw new TargetRefusedException(
            Kind.EXITED, "pid=" + pid.number() + " has exited; another process has its pid now");
      }
      context.admission().require(status);
      require64Bit(status, thread.id());
      long[] auxv = thread.ask(ProcStatus::auxiliaryVector);
      VmaPolicies policies =
          new VmaPolicies(
              thread.smaps(),
              Backing.asking(thread),
              tracksHugetlb(context),
              guardsInFiles(context));
      Hazards hazards = new Hazards(thread, context.options().allowDeviceWriters());
      hazards.look(policies.judge(thread.maps()));
      return new AttachedProcess(
          thread,
          status,
          auxv,
          lister,
          memory,
          policies,
          hazards,
          vpid(status, context.namespaceDepth()),
          context,
          track);
    } catch (IOException | RuntimeException | Error e) {
      lister.close();
      if (memory != null) {
        memory.close();
      }
      throw e;
    }
  }

  /** Its registers, its auxiliary vector and its signal frames are of another form. */
  private static void require64Bit(ProcStatus status, Pid thread) throws TargetRefusedException {
    byte[] identification;
    try (InputStream program = Files.newInputStream(Path.of(thread.procPath("exe")))) {
      identification = program.readNBytes(ELF_CLASS + 1);
    } catch (IOException e) {
      // It has ended, or nobody may read it; the injection looks at the registers, too.
      return;
    }
    if (identification.length > ELF_CLASS && identification[ELF_CLASS] == ELF_CLASS_32) {
      throw new TargetRefusedException(
          Kind.LACKING,
          "pid="
              + status.pid().number()
              + " ("
              + status.name()
              + ") is a 32-bit program: such programs are not supported");
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
      Kind kind =
          switch (e.reason()) {
            case NO_LIVE_THREAD -> Kind.EXITED;
            case NO_STOP -> Kind.BUSY;
            default -> Kind.LACKING;
          };
      throw new TargetRefusedException(kind, String.valueOf(e.getMessage()));
    }
  }

  Pid pid() {
    return pid;
  }

  /** {@return the thread that /proc is asked about} */
  LiveThread thread() {
    return thread;
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

  /** {@return why the images cannot be vouched for; empty if they can} */
  List<String> notVerified() {
    return hazards.notVerified();
  }

  /**
   * {@return whether the address space is still the one attached to} It may live on in a process
   * that shares it while this one has executed another program, so the auxiliary vector, which each
   * exec makes anew with random addresses, must be the same too.
   */
  boolean sameAddressSpace() throws SyscallException {
    return lister.sameAddressSpace() && Arrays.equals(auxv, currentAuxv());
  }

  private long[] currentAuxv() throws SyscallException {
    try {
      return thread.ask(ProcStatus::auxiliaryVector);
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
      return now.startTimeTicks() == status.startTimeTicks() && currentAuxv().length > 0;
    } catch (SyscallException e) {
      return false;
    }
  }

  /** {@return whether a live round must scan it while all its threads stand still} */
  boolean needsStandstill() {
    return tracker.needsStandstill();
  }

  /** Looks for ways in which its memory changes without a page fault. */
  void lookForHazards() throws IOException {
    hazards.look(mappedNow());
  }

  /**
   * Reads maps, registers what is new, lists what was written, and arms it again.
   *
   * @param standing whether all threads stand still
   */
  void scanLive(ScanCounts counts, boolean standing) throws IOException {
    scanBegan = System.nanoTime();
    readMaps();
    vmas = tracker.prepare(vmas);
    settleGone();
    context.hooks().come(TestHooks.Moment.BEFORE_SCAN);
    for (PolicedVma vma : vmas) {
      switch (vma.policy()) {
        case TRACK -> scan(tracker, vma, counts, standing);
        case COMPARE -> {
          if (!vma.vma().shared()) {
            scan(compare, vma, counts, standing);
          }
        }
        case AT_FREEZE -> table.vacate(vma.start(), vma.end(), vma.vacantState());
        case SKIP -> {}
      }
    }
    if (standing || !tracker.needsStandstill()) {
      tracker.rearm();
    }
  }

  /** The scan of a live round is over, and nothing is read yet. */
  void scanned() throws IOException {
    lookForHazards();
    if (unseen != null) {
      unseen.scanned(vmas, scanBegan);
    }
  }

  private void scan(DirtyTracker chosen, PolicedVma vma, ScanCounts counts, boolean standing)
      throws IOException {
    long before = counts.written;
    if (standing) {
      chosen.scanFrozen(vma, table, counts);
    } else {
      chosen.scanLive(vma, table, counts);
    }
    counts.scanned(pid, vma, before);
  }

  /** {@return whether this kernel tells which pages are guard pages} */
  boolean listsGuardPages() {
    return context.features().guardCategory().present();
  }

  /** Reads maps and lists what was written since the last scan; all threads stand still. */
  void scanFrozen(ScanCounts counts) throws IOException {
    readMaps();
    if (tracker == compare) {
      vmas = compare.prepare(vmas);
    } else if (hazards.distrustsAll()) {
      vmas = vmas.stream().map(AttachedProcess::distrusted).toList();
    }
    settleGone();
    for (PolicedVma vma : vmas) {
      if (vma.inProcessPagemap()) {
        DirtyTracker chosen = vma.policy() == VmaPolicy.TRACK ? tracker : compare;
        chosen.scanFrozen(vma, table, counts);
      }
    }
    if (unseen != null) {
      unseen.frozen(vmas);
    }
  }

  /**
   * Does what {@link #scanFrozen} will do, while the target runs: classes get loaded, code compiled
   * and buffers touched before the freeze instead of in it. What it marks owed is owed anyway.
   */
  void rehearseFreeze() throws IOException {
    lookForHazards();
    List<PolicedVma> known = vmas;
    scanFrozen(new ScanCounts());
    space();
    vmas = known;
  }

  private static PolicedVma distrusted(PolicedVma vma) {
    return vma.policy() == VmaPolicy.TRACK
        ? vma.with(VmaPolicy.COMPARE, "private, but written in ways no fault shows")
        : vma;
  }

  /** {@return what it maps at this moment, judged} */
  List<PolicedVma> mappedNow() throws SyscallException {
    return policies.judge(thread.maps());
  }

  private void readMaps() throws IOException {
    lister.beginScan();
    List<PolicedVma> judged = policies.judge(thread.maps());
    if (!sameAddressSpace()) {
      throw new SyscallException("read(" + pid.procPath("maps") + ")", Errno.ESRCH);
    }
    vmasBefore = vmas;
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
        new ProcessPages(thread, memory),
        this,
        runs.cut(CopyPipeline.JOB_PAGES));
  }

  PageTable table() {
    return table;
  }

  List<PolicedVma> vmas() {
    return vmas;
  }

  /** {@return mappings at addresses where none began in the round before} */
  int newVmas() {
    return countBeyond(vmas, vmasBefore);
  }

  /** {@return mappings of the round before at addresses where none begins now} */
  int goneVmas() {
    return countBeyond(vmasBefore, vmas);
  }

  private static int countBeyond(List<PolicedVma> counted, List<PolicedVma> known) {
    Set<Long> starts = known.stream().map(PolicedVma::start).collect(Collectors.toSet());
    return (int) counted.stream().filter(vma -> !starts.contains(vma.start())).count();
  }

  /** {@return the mm image of the mappings as last read} */
  MmImage mm(SharedObjects shared) {
    return MmImages.of(layout, auxv, vmas, shared);
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

  /** {@return the huge pages put together again when this was closed} */
  HugePages hugePages() {
    return hugePages;
  }

  @Override
  public void close() {
    try {
      tracker.close();
      restoreHugePages();
    } finally {
      lister.close();
      memory.close();
    }
  }

  private void restoreHugePages() {
    try {
      if (lister instanceof PresenceLister scans && sameAddressSpace()) {
        hugePages = HugePages.restore(pid, scans.hugePagesMet(), table);
      }
    } catch (SyscallException e) {
      // The kernel does not even tell whether the process lives: it is left as it is.
    }
  }
}
