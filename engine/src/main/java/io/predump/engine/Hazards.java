package io.predump.engine;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.IoUring;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.Vma;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Ways in which memory changes without a page fault, found by what a process has open, has mapped
 * and has pinned. Once seen, a hazard stays: a descriptor closed since may have been written
 * through.
 *
 * <ul>
 *   <li>Fixed buffers of an io_uring: {@link #fixedBuffers} are known exactly.
 *   <li>Reads in flight with O_DIRECT, by io_uring or by aio: {@link #directIo}.
 *   <li>Memory pinned by somebody we cannot name: {@link #distrustsAll}.
 *   <li>A device that writes when it likes, even to a frozen process: refused, unless allowed, and
 *       then the images are {@link #notVerified}.
 * </ul>
 */
final class Hazards {
  private static final int TRIES = 20;
  private static final long TRY_AGAIN_NANOS = 500_000;

  private final LiveThread thread;
  private final boolean allowDeviceWriters;
  private final Set<String> warnings = new LinkedHashSet<>();
  private final Set<String> notVerified = new LinkedHashSet<>();
  private final RangeSet fixedBuffers = new RangeSet();
  private boolean attached;
  private boolean directIo;
  private boolean distrustsAll;
  private long pinnedByRings;

  Hazards(LiveThread thread, boolean allowDeviceWriters) {
    this.thread = thread;
    this.allowDeviceWriters = allowDeviceWriters;
  }

  /**
   * Looks at the open files and pinned memory of the process. To miss nothing, once before a scan
   * and once between the scan and the reads: whoever pins memory before a scan and lets go of it
   * before the second look has written all it will before the reads.
   *
   * @param mapped what the process maps, as last read
   * @throws TargetRefusedException if a device may write the memory and that is not allowed
   */
  void look(List<PolicedVma> mapped) throws SyscallException, TargetRefusedException {
    try {
      Pid asked;
      do {
        thread.renew();
        asked = thread.id();
        lookAtFiles(asked, mapped);
        // One that ended meanwhile shows no files.
      } while (thread.renewedSince(asked));
      notePinned(thread.ask(ProcStatus::read).pinnedBytes());
    } catch (SyscallException e) {
      if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
        throw e;
      }
      // Gone: the round that follows finds out.
    }
    if (mapped.stream().anyMatch(vma -> vma.vma().name().startsWith("/[aio]"))) {
      directIo = true;
      warnings.add(
          "the target uses aio: requests in flight may write its memory unseen, even after the"
              + " freeze; what was written lately is read again under it");
    }
  }

  private void lookAtFiles(Pid asked, List<PolicedVma> mapped)
      throws SyscallException, TargetRefusedException {
    List<OpenFile> files = OpenFile.list(asked);
    for (OpenFile file : files) {
      note(asked, file);
    }
    if (attached && files.stream().anyMatch(OpenFile::isUserfaultfd)) {
      warnings.add(
          "pid="
              + thread.process().number()
              + " has a userfaultfd of its own: as long as this run tracks it, the kernel lets it"
              + " register none of its private memory there (EBUSY); if it has to, end this run");
    }
    noteRings(asked, files, mapped);
  }

  private void note(Pid asked, OpenFile file) throws TargetRefusedException {
    if (file.isDeviceWriter(asked)) {
      noteDeviceWriter(file);
    } else if (file.isDirect()) {
      directIo = true;
      warnings.add(
          "the target has a file open with O_DIRECT: a read in flight writes its memory unseen;"
              + " what was written lately is read again under the freeze");
    }
  }

  private void noteDeviceWriter(OpenFile file) throws TargetRefusedException {
    String what =
        file.target().startsWith("socket:") ? "an AF_XDP socket" : file.target().split(" ", 2)[0];
    if (!allowDeviceWriters) {
      throw new TargetRefusedException(
          Kind.LACKING,
          "pid="
              + thread.process().number()
              + " has "
              + what
              + " open: a device may write its memory unseen, even while it is frozen, so the"
              + " images could be wrong; --allow-device-writers takes it all the same, marked as"
              + " not verified");
    }
    notVerified.add(
        "pid="
            + thread.process().number()
            + " has "
            + what
            + " open: a device may write its memory unseen");
    distrustsAll = true;
  }

  /** Rings are seen as descriptors, as mappings, or both; only a descriptor tells its buffers. */
  private void noteRings(Pid asked, List<OpenFile> files, List<PolicedVma> mapped)
      throws SyscallException {
    List<OpenFile> rings = files.stream().filter(OpenFile::isIoUring).toList();
    long mappings = mapped.stream().filter(vma -> isRing(vma.vma())).count();
    if (rings.isEmpty() && mappings == 0) {
      return;
    }
    directIo = true;
    warnings.add(
        "the target uses io_uring: requests in flight may write its memory unseen, even after the"
            + " freeze; its fixed buffers, and what was written lately, are read again under it");
    long pinned = 0;
    for (OpenFile ring : rings) {
      pinned += noteBuffers(asked, ring);
    }
    pinnedByRings = pinned;
    if (mappings != rings.size()) {
      distrust("an io_uring whose fixed buffers nobody tells");
    }
  }

  /** {@return whether it is the mapping of a ring's queues: every ring that is mapped has one} */
  private static boolean isRing(Vma vma) {
    return vma.name().startsWith("anon_inode:[io_uring]") && vma.fileOffset() == 0;
  }

  private long noteBuffers(Pid asked, OpenFile ring) throws SyscallException {
    IoUring told = IoUring.read(asked, ring);
    for (int i = 1; i < TRIES && !told.complete(); i++) {
      LockSupport.parkNanos(TRY_AGAIN_NANOS);
      told = IoUring.read(asked, ring);
    }
    if (!told.complete()) {
      distrust("an io_uring too busy to tell its fixed buffers");
    }
    long bytes = 0;
    for (AddressRange buffer : told.fixedBuffers()) {
      fixedBuffers.add(buffer.start(), buffer.end());
      bytes += buffer.bytes();
    }
    return bytes;
  }

  private void notePinned(long pinnedBytes) {
    if (pinnedBytes > pinnedByRings) {
      distrust("memory pinned for a device or for the kernel");
    }
  }

  private void distrust(String what) {
    distrustsAll = true;
    warnings.add("the target has " + what + ": the final freeze reads all of its memory");
  }

  /**
   * From now on a userfaultfd is the process's own: before, it may be one that a killed run left.
   */
  void attached() {
    attached = true;
  }

  /** {@return the fixed buffers ever seen, in address order, each {start, end}} */
  List<long[]> fixedBuffers() {
    return fixedBuffers.ranges();
  }

  /** {@return whether reads in flight may write pages that were listed before} */
  boolean directIo() {
    return directIo;
  }

  /** {@return whether any page may be written unseen} */
  boolean distrustsAll() {
    return distrustsAll;
  }

  /** {@return what was found, in the order it was} */
  Set<String> warnings() {
    return warnings;
  }

  /** {@return why the images cannot be vouched for; empty if they can} */
  List<String> notVerified() {
    return new ArrayList<>(notVerified);
  }
}
