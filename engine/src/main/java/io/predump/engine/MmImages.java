package io.predump.engine;

import io.predump.images.MmImage;
import io.predump.images.VmaImage;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.Vma;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** Builds CRIU's mm image from what /proc shows. */
final class MmImages {
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int PROT_EXEC = 4;
  private static final int MAP_SHARED = 1;
  private static final int MAP_PRIVATE = 2;
  private static final int MAP_ANONYMOUS = 0x20;

  private MmImages() {}

  static MmImage of(
      ProcStatus.Layout layout, long[] auxv, List<PolicedVma> vmas, SharedObjects shared) {
    List<VmaImage> images = new ArrayList<>(vmas.size());
    long brk = layout.startBrk();
    for (PolicedVma policed : vmas) {
      images.add(image(policed, shared));
      if (policed.vma().isHeap()) {
        brk = policed.end();
      }
    }
    List<Long> saved = new ArrayList<>(auxv.length);
    for (long value : auxv) {
      saved.add(value);
    }
    return new MmImage(
        layout.startCode(),
        layout.endCode(),
        layout.startData(),
        layout.endData(),
        layout.startStack(),
        layout.startBrk(),
        brk,
        layout.argStart(),
        layout.argEnd(),
        layout.envStart(),
        layout.envEnd(),
        0,
        saved,
        images,
        OptionalInt.empty(),
        List.of(),
        Optional.empty());
  }

  private static VmaImage image(PolicedVma policed, SharedObjects shared) {
    Vma vma = policed.vma();
    int protection =
        (vma.readable() ? PROT_READ : 0)
            | (vma.writable() ? PROT_WRITE : 0)
            | (vma.executable() ? PROT_EXEC : 0);
    boolean anonymous = vma.inode() == 0 || policed.inSharedPagemap();
    int flags = (vma.shared() ? MAP_SHARED : MAP_PRIVATE) | (anonymous ? MAP_ANONYMOUS : 0);
    return new VmaImage(
        vma.start(),
        vma.end(),
        vma.fileOffset(),
        vma.shared() ? shared.idOf(vma) : 0,
        protection,
        flags,
        status(policed),
        -1,
        OptionalLong.empty(),
        OptionalInt.empty());
  }

  private static int status(PolicedVma policed) {
    Vma vma = policed.vma();
    String name = vma.name();
    int status = VmaImage.STATUS_REGULAR;
    if (name.startsWith("[vsyscall]")) {
      return VmaImage.STATUS_VSYSCALL;
    } else if (name.startsWith("[vvar")) {
      return status | VmaImage.STATUS_ANON_PRIVATE | VmaImage.STATUS_VVAR;
    } else if (vma.isVdso()) {
      return status | VmaImage.STATUS_ANON_PRIVATE | VmaImage.STATUS_VDSO;
    } else if (name.startsWith("/[aio]")) {
      return status | VmaImage.STATUS_AIORING;
    } else if (policed.inSharedPagemap()) {
      status |= VmaImage.STATUS_ANON_SHARED;
      if (name.startsWith("/memfd:")) {
        status |= VmaImage.STATUS_MEMFD;
      } else if (name.startsWith("/SYSV")) {
        status |= VmaImage.STATUS_SYSVIPC;
      }
      return status;
    } else if (vma.shared()) {
      return status | VmaImage.STATUS_FILE_SHARED;
    } else if (policed.fileBacked()) {
      return status | VmaImage.STATUS_FILE_PRIVATE;
    }
    status |= VmaImage.STATUS_ANON_PRIVATE;
    if (vma.isHeap()) {
      status |= VmaImage.STATUS_HEAP;
    } else if (vma.isStack()) {
      status |= VmaImage.STATUS_STACK;
    }
    return status;
  }
}
