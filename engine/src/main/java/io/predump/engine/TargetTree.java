package io.predump.engine;

import io.predump.images.ProcessIdentity;
import io.predump.images.VmaRecord;
import io.predump.linux.Errno;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A process and, unless told otherwise, everything below it. Children born between rounds join at
 * the next round, those that end leave, one that executes another program joins anew; what they
 * share is kept once. Only the root's end is the tree's end.
 *
 * <p>Processes that share an address space (vfork, CLONE_VM) are one member; the others are frozen
 * with it.
 */
final class TargetTree implements AutoCloseable {
  private static final byte SHARED_KIND = RunList.DROP_ZERO | RunList.COMPARED;

  private final AttachedProcess root;
  private final boolean single;
  private final AttachContext context;
  private final Map<Pid, AttachedProcess> members = new LinkedHashMap<>();
  private final SharedObjects shared = new SharedObjects();
  private final Set<String> pastWarnings = new LinkedHashSet<>();
  private final Set<String> pastNotVerified = new LinkedHashSet<>();
  private long longestStopNanos;
  private HugePages hugePages = HugePages.NONE;

  private TargetTree(AttachedProcess root, AttachContext context) {
    this.root = root;
    this.single = context.options().single();
    this.context = context;
    join(root);
  }

  /**
   * Attaches to the root and everything below it.
   *
   * @param checked the root, as {@link TargetCheck} accepted it
   * @param admission which processes may be taken
   */
  static TargetTree attach(
      ProcStatus checked,
      SessionOptions options,
      KernelFeatures features,
      Admission admission,
      TestHooks hooks)
      throws IOException {
    TrackerPlan plan = TrackerPlan.of(options.tracker(), features);
    int depth = Math.max(0, checked.namespacePids().size() - 1);
    AttachContext context = new AttachContext(depth, features, plan, options, admission, hooks);
    if (hooks.on(Protection.MEMORY_ROOM)) {
      Pid root = checked.pid();
      MemoryRoom.require(options.single() ? List.of(root) : ProcessTree.descendants(root));
    }
    TargetTree tree = new TargetTree(AttachedProcess.attach(checked, context), context);
    try {
      tree.discover(true);
      tree.requireNoSharerOutside();
      return tree;
    } catch (IOException | RuntimeException | Error e) {
      tree.close();
      throw e;
    }
  }

  /**
   * Memory that a process outside the tree can write would be torn in the final round: that process
   * is not frozen.
   */
  private void requireNoSharerOutside() throws IOException {
    Set<Pid> inside = new HashSet<>(pids());
    for (Pid pid : ProcessTree.all()) {
      if (inside.contains(pid) || pid.equals(Pid.self())) {
        continue;
      }
      for (AttachedProcess member : members.values()) {
        // Two that end have no memory in common, but the same none; and a child of vfork may have
        // been born since.
        if (shares(member, pid) && lives(member.pid()) && !pids().contains(pid) && lives(pid)) {
          throw sharer(member, pid);
        }
      }
    }
  }

  /**
   * The same once more, when the process stands still that {@code --single} names: it may have a
   * vfork child by now.
   */
  void requireNoSharerLeftOut() throws IOException {
    if (!single || !context.hooks().on(Protection.SHARERS)) {
      return;
    }
    for (Pid child : ProcessTree.children(root.pid())) {
      if (shares(root, child)) {
        throw sharer(root, child);
      }
    }
  }

  private TargetRefusedException sharer(AttachedProcess member, Pid sharer) {
    return new TargetRefusedException(
        TargetRefusedException.Kind.LACKING,
        "pid="
            + member.pid().number()
            + " ("
            + member.identity().name()
            + ") shares its memory with pid="
            + sharer.number()
            + (single
                ? ", which --single leaves out: it would not be frozen"
                : ", which is not below pid="
                    + root.pid().number()
                    + " and would not be frozen: name a common parent"));
  }

  private static boolean shares(AttachedProcess member, Pid other) {
    try {
      return member.thread().ask(living -> ProcessTree.sharesMemory(living, other));
    } catch (SyscallException e) {
      // Gone meanwhile, or a kernel that cannot tell.
      return false;
    }
  }

  private void join(AttachedProcess process) {
    members.put(process.pid(), process);
    longestStopNanos = Math.max(longestStopNanos, process.stoppedNanos());
  }

  /** {@return the tracker in use, and why} */
  TrackerPlan tracker() {
    return context.tracker();
  }

  /** {@return what the kernel can do} */
  KernelFeatures features() {
    return context.features();
  }

  /** {@return the process the tree is named by} */
  AttachedProcess root() {
    return root;
  }

  /** {@return the members, the root first} */
  Collection<AttachedProcess> members() {
    return members.values();
  }

  SharedObjects shared() {
    return shared;
  }

  /** {@return all processes of the tree, members or not, as they are now} */
  List<Pid> pids() throws SyscallException {
    return single ? List.of(root.pid()) : ProcessTree.descendants(root.pid());
  }

  /** {@return the longest time a thread stood still for an injection, nanoseconds} */
  long longestStopNanos() {
    return longestStopNanos;
  }

  /** {@return threads of all members} */
  int threadCount() throws SyscallException {
    int threads = 0;
    for (AttachedProcess member : members.values()) {
      try {
        threads += ProcStatus.threads(member.pid()).size();
      } catch (SyscallException e) {
        if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
          throw e;
        }
        // It ended since it joined: the next round finds out.
      }
    }
    return threads;
  }

  /**
   * Lets those go that ended, executed another program or belong to another parent now, and takes
   * in whoever is new.
   *
   * @param live whether the tree runs: then new members are tracked, else only read
   */
  private void discover(boolean live) throws IOException {
    List<Pid> inside = pids();
    Iterator<AttachedProcess> it = members.values().iterator();
    while (it.hasNext()) {
      AttachedProcess member = it.next();
      // One whose parent has ended belongs to init now: nobody would freeze it with the tree.
      boolean orphaned =
          !inside.contains(member.pid()) && context.hooks().on(Protection.ORPHANS_LEAVE);
      if (member != root && (orphaned || !member.sameAddressSpace())) {
        it.remove();
        leave(member);
      }
    }
    for (Pid pid : pids()) {
      if (!members.containsKey(pid)) {
        takeIn(pid, live);
      }
    }
  }

  /** Whatever goes wrong with a child that has ended by now only means that it has. */
  private void takeIn(Pid pid, boolean live) throws IOException {
    try {
      ProcStatus status = ProcStatus.read(pid);
      if (LiveThread.of(pid).isEmpty() || sharesMemory(pid)) {
        return;
      }
      context.admission().require(status);
      join(
          live
              ? AttachedProcess.attach(TargetCheck.check(pid), context)
              : AttachedProcess.attachFrozen(status, context));
    } catch (TargetRefusedException e) {
      if (lives(pid) && !joinsLater(e)) {
        throw e;
      }
    } catch (IOException e) {
      if (lives(pid)) {
        throw e;
      }
    }
  }

  /**
   * {@return whether it can wait} A child that cannot be stopped now, in a vfork of its own or
   * waiting for a disk, is like one that is born now: a later round takes it in, at the latest the
   * final one, to which it stands still and is only read.
   */
  private boolean joinsLater(TargetRefusedException e) {
    boolean later =
        e.kind() == TargetRefusedException.Kind.BUSY
            && context.hooks().on(Protection.BUSY_CHILD_LATER);
    if (later) {
      pastWarnings.add(e.getMessage() + ": a later round takes it in");
    }
    return later;
  }

  private static boolean lives(Pid pid) {
    try {
      Optional<Pid> thread = LiveThread.of(pid);
      return thread.isPresent() && ProcStatus.auxiliaryVector(thread.get()).length > 0;
    } catch (SyscallException e) {
      // One that we may not look into is there.
      return !e.is(Errno.ENOENT) && !e.is(Errno.ESRCH);
    }
  }

  private boolean sharesMemory(Pid pid) {
    for (AttachedProcess member : members.values()) {
      if (shares(member, pid)) {
        return true;
      }
    }
    return false;
  }

  private void leave(AttachedProcess member) {
    pastWarnings.addAll(member.warnings());
    pastNotVerified.addAll(member.notVerified());
    member.close();
    hugePages = hugePages.plus(member.hugePages());
  }

  /** A member other than the root is gone: it is no longer asked anything. */
  void remove(AttachedProcess member) {
    if (member != root && members.remove(member.pid(), member)) {
      leave(member);
    }
  }

  /**
   * Reads maps, registers what is new, lists what was written, and arms it again. Where the tracker
   * needs that, the whole tree stands still for the listing and the arming; {@link
   * ScanCounts#frozenNanos} says how long.
   */
  void scanLive(ScanCounts counts) throws IOException {
    discover(true);
    List<AttachedProcess> standing = new ArrayList<>();
    for (AttachedProcess member : List.copyOf(members.values())) {
      unlessGone(
          member,
          () -> {
            member.lookForHazards();
            if (member.needsStandstill()) {
              standing.add(member);
            } else {
              member.scanLive(counts, false);
            }
          });
    }
    if (!standing.isEmpty()) {
      scanStanding(standing, counts);
    }
    for (AttachedProcess member : List.copyOf(members.values())) {
      unlessGone(member, () -> member.scanned());
    }
    shared.update(members.values());
    shared.list(counts, context.hooks());
  }

  /**
   * Whoever is born meanwhile stands still too, and joins at the next round. If a thread cannot be
   * stopped, the round lists without arming: nothing is lost, but what it lists comes again.
   */
  private void scanStanding(List<AttachedProcess> standing, ScanCounts counts) throws IOException {
    if (!context.hooks().on(Protection.SOFT_DIRTY_STANDSTILL)) {
      scanLive(standing, counts, true);
      return;
    }
    try (FreezeMethod method = FreezeMethod.of(context.options(), pids())) {
      FrozenTree frozen;
      try {
        frozen = FrozenTree.open(this, context.options(), method);
      } catch (IOException e) {
        if (!method.isPassing(e)) {
          throw e;
        }
        pastWarnings.add(
            e.getMessage() + ": the round copies more than was written since the last");
        scanLive(standing, counts, false);
        return;
      }
      try (frozen) {
        scanLive(standing, counts, true);
        frozen.requireHeld();
      } catch (IOException e) {
        // The bits may be cleared, and somebody may have written meanwhile: nothing is known.
        standing.forEach(member -> member.table().oweHeld(0, Long.MAX_VALUE));
        throw e;
      }
      counts.frozenNanos = frozen.thawedNanos() - frozen.beganNanos();
    }
  }

  private void scanLive(List<AttachedProcess> some, ScanCounts counts, boolean standing)
      throws IOException {
    for (AttachedProcess member : some) {
      unlessGone(member, () -> member.scanLive(counts, standing));
    }
  }

  /**
   * Lists what was written since the last scan; every thread of the tree stands still.
   *
   * @param withShared whether shared memory is part of the round
   */
  void scanFrozen(ScanCounts counts, boolean withShared) throws IOException {
    discover(false);
    for (AttachedProcess member : members.values()) {
      member.scanFrozen(counts);
    }
    shared.update(withShared ? members.values() : List.of());
    shared.list(counts, context.hooks());
  }

  /**
   * {@return bytes of the shared memory that all processes map, each object once, that hold data}
   */
  long sharedBytes() throws IOException {
    try (SharedObjects mapped = new SharedObjects()) {
      mapped.updateWith(members.values());
      return mapped.dataBytes();
    }
  }

  /** {@return bytes of memory in use, resident and in swap, of all processes} */
  long usedBytes() throws IOException {
    long bytes = 0;
    for (AttachedProcess member : members.values()) {
      try {
        ProcStatus now = member.thread().ask(ProcStatus::read);
        bytes += now.residentBytes() + now.swappedBytes();
      } catch (SyscallException e) {
        if (!isGone(member, e)) {
          throw e;
        }
        // It ended since it joined: the next round finds out.
      }
    }
    return bytes;
  }

  /** Does beforehand what the freeze will do. */
  void rehearseFreeze() throws IOException {
    for (AttachedProcess member : List.copyOf(members.values())) {
      unlessGone(member, member::rehearseFreeze);
    }
  }

  /** Something done to a member. */
  private interface Act {
    void run() throws IOException;
  }

  private void unlessGone(AttachedProcess member, Act act) throws IOException {
    try {
      act.run();
    } catch (SyscallException e) {
      removeIfGone(member, e);
    }
  }

  /** {@return whether a failure only means that a member other than the root is gone} */
  boolean isGone(AttachedProcess member, IOException e) throws SyscallException {
    boolean sign =
        e instanceof TargetGoneException
            || (e instanceof SyscallException failed
                && (failed.is(Errno.ESRCH) || failed.is(Errno.ENOENT)));
    return member != root && sign && !member.sameAddressSpace();
  }

  private void removeIfGone(AttachedProcess member, SyscallException e) throws SyscallException {
    if (!isGone(member, e)) {
      throw e;
    }
    remove(member);
  }

  /** {@return the pagemaps of a round, each with what must be read for it now} */
  List<PageSpace> spaces() {
    List<PageSpace> spaces = new ArrayList<>();
    members.values().forEach(member -> spaces.add(member.space()));
    for (SharedObject object : shared.all()) {
      RunList owed = new RunList();
      object.table().collectOwed(0, Long.MAX_VALUE, owed, SHARED_KIND);
      spaces.add(
          new PageSpace(
              object.name(), object.table(), object, null, owed.cut(CopyPipeline.JOB_PAGES)));
    }
    return spaces;
  }

  /** {@return every page table, the members' and those of what they share} */
  List<PageTable> tables() {
    List<PageTable> tables = privateTables();
    shared.all().forEach(object -> tables.add(object.table()));
    return tables;
  }

  /** {@return the members' own page tables, to be changed by the caller} */
  List<PageTable> privateTables() {
    List<PageTable> tables = new ArrayList<>();
    members.values().forEach(member -> tables.add(member.table()));
    return tables;
  }

  List<ProcessIdentity> identities() {
    return members.values().stream().map(AttachedProcess::identity).toList();
  }

  /** {@return the policy of every mapping as last read, for the manifest} */
  List<VmaRecord> vmaRecords() {
    return members.values().stream().flatMap(m -> m.vmaRecords().stream()).toList();
  }

  /**
   * Tells the target's end from a failure.
   *
   * @return how it ended
   * @throws IOException {@code e}, if it lives and is the same
   */
  StopReason endBehind(IOException e) throws IOException {
    boolean gone = e instanceof TargetGoneException;
    if (!gone && e instanceof SyscallException failed) {
      gone = failed.is(Errno.ESRCH) || failed.is(Errno.ENOENT);
    }
    if (!gone || root.sameAddressSpace()) {
      throw e;
    }
    return root.alive() ? StopReason.TARGET_EXECED : StopReason.TARGET_EXITED;
  }

  /** Adds to what the operator should know. */
  void warn(List<String> warnings) {
    pastWarnings.addAll(warnings);
  }

  /** {@return everything the operator should know, so far} */
  List<String> warnings() {
    Set<String> all = new LinkedHashSet<>(pastWarnings);
    members.values().forEach(member -> all.addAll(member.warnings()));
    return List.copyOf(all);
  }

  /** {@return why the images cannot be vouched for; empty if they can} */
  List<String> notVerified() {
    Set<String> all = new LinkedHashSet<>(pastNotVerified);
    members.values().forEach(member -> all.addAll(member.notVerified()));
    return List.copyOf(all);
  }

  /** {@return what tests of this tree switch off or watch} */
  TestHooks hooks() {
    return context.hooks();
  }

  @Override
  public void close() {
    List<AutoCloseable> owned = new ArrayList<>(members.values());
    owned.add(shared);
    Collection<AttachedProcess> last = List.copyOf(members.values());
    members.clear();
    Closing.all(owned);
    last.forEach(member -> hugePages = hugePages.plus(member.hugePages()));
  }

  /** {@return the huge pages put together again, of members that left and, once closed, of all} */
  HugePages hugePages() {
    return hugePages;
  }
}
