package io.predump.engine;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.images.ForeignImagesException;
import io.predump.images.ImageChain;
import io.predump.images.Manifest;
import io.predump.images.ProcessIdentity;
import io.predump.images.VmaPolicy;
import io.predump.linux.Errno;
import io.predump.linux.KernelFeatures;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.Cgroups;
import io.predump.linux.proc.Machine;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.ptrace.Freezer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Proves images against the memory of processes that stand still already: the one they were taken
 * of, or those that were restored from them. {@link MemoryComparison} compares.
 */
public final class MemoryVerifier {
  /** How long the threads of a process that is stopped anyway may take to be held by us too. */
  private static final Duration HOLD = Duration.ofSeconds(10);

  private MemoryVerifier() {}

  /**
   * Compares the newest round of an images directory with a process that is stopped: by a signal,
   * by another tracer, or in a frozen cgroup.
   *
   * @throws TargetRefusedException if it does not exist or is not stopped
   * @throws io.predump.images.ImageException if the images are damaged or of another process
   */
  public static VerifyResult againstStopped(Path imagesDir, Pid pid) throws IOException {
    ProcStatus status = requireStopped(pid);
    LiveThread thread = new LiveThread(pid);
    List<PolicedVma> vmas = vmas(thread);
    int vpid;
    try (ImageChain chain = ImageChain.open(imagesDir)) {
      Manifest newest = chain.newest().manifest();
      vpid = requireImagesOf(status, newest, imagesDir);
      if (!newest.finalFreeze()) {
        vmas.removeIf(vma -> vma.policy() == VmaPolicy.AT_FREEZE);
      }
    }
    try (SharedObjects shared = new SharedObjects()) {
      shared.update(thread, vmas);
      return MemoryComparison.compare(
          imagesDir,
          List.of(new MemoryComparison.View(thread.id(), vpid, vmas)),
          shared,
          KernelFeatures.current(),
          () -> false);
    }
  }

  /**
   * Compares the newest round of an images directory with the private memory of the processes that
   * were restored from it and have not run since. Shared memory comes back as other objects, and is
   * not compared.
   *
   * @param round the round that was restored
   * @param pids all of the tree, each stopped; told apart by their pids in the pid namespace of
   *     their own, which a restore gives them back
   * @throws TargetRefusedException if one does not exist or is not stopped
   * @throws io.predump.images.ImageException if the images are damaged, or not of these processes
   */
  public static VerifyResult againstRestored(Path imagesDir, int round, List<Pid> pids)
      throws IOException {
    List<MemoryComparison.View> views = new ArrayList<>();
    Set<Integer> missing = new TreeSet<>();
    try (ImageChain chain = ImageChain.open(imagesDir, round)) {
      chain.newest().manifest().processes().forEach(process -> missing.add(process.vpid()));
    }
    List<Freezer> held = new ArrayList<>();
    try (SharedObjects none = new SharedObjects()) {
      for (Pid pid : pids) {
        List<Integer> ids = requireStopped(pid).namespacePids();
        int vpid = ids.get(ids.size() - 1);
        if (!missing.remove(vpid)) {
          throw new ForeignImagesException(
              imagesDir, "the images hold no process with pid=" + vpid);
        }
        held.add(Freezer.freeze(pid, HOLD));
        views.add(restored(pid, vpid, held.get(held.size() - 1)));
      }
      if (!missing.isEmpty()) {
        throw new ForeignImagesException(
            imagesDir, "the images hold processes that were not restored: pids " + missing);
      }
      try (ImageChain chain = ImageChain.open(imagesDir, round)) {
        return MemoryComparison.compare(chain, views, none, KernelFeatures.current(), () -> false);
      }
    } finally {
      Closing.all(held);
    }
  }

  /** The kernel has told each restored thread on which processor it is. */
  private static MemoryComparison.View restored(Pid pid, int vpid, Freezer held)
      throws IOException {
    LiveThread thread = new LiveThread(pid);
    List<PolicedVma> vmas = vmas(thread);
    populateKernelPages(thread.id(), vmas);
    return new MemoryComparison.View(thread.id(), vpid, vmas, held.rseqAreas());
  }

  /** A restored vDSO is mapped anew: none of its pages is there before somebody looks. */
  private static void populateKernelPages(Pid pid, List<PolicedVma> vmas) throws IOException {
    try (ProcessMemory memory = ProcessMemory.open(pid);
        NativeBuffer page = NativeBuffer.allocate(PageTable.PAGE_BYTES)) {
      for (PolicedVma vma : vmas) {
        if (vma.policy() == VmaPolicy.AT_FREEZE) {
          for (long at = vma.start(); at < vma.end(); at += PageTable.PAGE_BYTES) {
            memory.pread(page.address(), PageTable.PAGE_BYTES, at);
          }
        }
      }
    }
  }

  private static List<PolicedVma> vmas(LiveThread thread) throws IOException {
    return new VmaPolicies(thread.smaps(), Backing.asking(thread), false, false)
        .judge(thread.maps());
  }

  private static ProcStatus requireStopped(Pid pid) throws IOException {
    try {
      ProcStatus status = ProcStatus.read(pid);
      String named = "pid=" + pid.number() + " (" + status.name() + ")";
      boolean frozen = inFrozenCgroup(pid);
      for (int tid : ProcStatus.threads(pid)) {
        char state = ProcStatus.threadState(pid, tid);
        if (state != 'T' && state != 't' && state != 'Z' && !frozen) {
          throw new TargetRefusedException(
              Kind.USAGE,
              named + " is running (thread " + tid + " is " + state + "): stop it first");
        }
      }
      return status;
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        throw new TargetRefusedException(Kind.USAGE, "no process with pid=" + pid.number());
      }
      throw e;
    }
  }

  private static boolean inFrozenCgroup(Pid pid) throws IOException {
    Cgroups cgroups = Cgroups.of(pid);
    if (cgroups.frozenV1().isPresent()) {
      return true;
    }
    Path events = Path.of(cgroups.v2Directory().orElse("/"), "cgroup.events");
    return Files.exists(events) && Files.readString(events).contains("frozen 1");
  }

  /** {@return the pid by which the images name it} */
  private static int requireImagesOf(ProcStatus status, Manifest manifest, Path imagesDir)
      throws IOException {
    for (ProcessIdentity process : manifest.processes()) {
      if (process.pid() == status.pid().number()
          && process.startTimeTicks() == status.startTimeTicks()
          && manifest.bootId().equals(Machine.bootId())) {
        return process.vpid();
      }
    }
    throw new ForeignImagesException(
        imagesDir, "the images are of another process than pid=" + status.pid().number());
  }
}
