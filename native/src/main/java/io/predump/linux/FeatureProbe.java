package io.predump.linux;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/** The start-up self-test behind {@link KernelFeatures}. */
final class FeatureProbe {
  private static final long PRESENT = 8;
  private static final long WRITTEN = 2;
  private static final long HUGE = 64;
  private static final long GUARD = 256;

  private static final int HUGE_PAGE_BYTES = 2 << 20;
  private static final int PTRACE_SEIZE = 0x4206;
  private static final long PTRACE_O_SUSPEND_SECCOMP = 1 << 21;
  private static final int CAP_SYS_ADMIN = 21;

  /** Regions the probe's scans may return. */
  private static final int VEC_LEN = 8;

  private final IoctlBinding binding;

  FeatureProbe(IoctlBinding binding) {
    this.binding = binding;
  }

  KernelFeatures run() {
    Feature scan = pagemapScan();
    Feature wpAsync = wpAsync();
    boolean track = scan.present() && wpAsync.present();
    String lacking = scan.present() ? "wp-async is lacking" : "pagemap-scan is lacking";
    Feature holesPte = new Feature("holes-reported-pte", false, lacking);
    Feature holesThp = new Feature("holes-reported-thp", false, lacking);
    if (track) {
      holesPte = holesReported("holes-reported-pte", false);
      holesThp = holesReported("holes-reported-thp", true);
    }
    return new KernelFeatures(
        release(),
        Architecture.name(),
        scan,
        wpAsync,
        category(scan, "guard-category", GUARD, "before Linux 6.15"),
        holesPte,
        holesThp,
        suspendSeccomp(),
        rawPagemap(),
        softDirty(),
        cgroup2(),
        procMemForce());
  }

  private static String release() {
    try {
      return KernelFeatures.firstLine("/proc/sys/kernel/osrelease");
    } catch (IOException e) {
      return "unknown";
    }
  }

  private Feature pagemapScan() {
    try (Fd pagemap = Fd.openReadOnly("/proc/self/pagemap");
        NativeBuffer area = NativeBuffer.allocate(LibC.PAGE_BYTES);
        NativeBuffer scratch = NativeBuffer.allocate(LibC.PAGE_BYTES)) {
      area.bytes().put(0, (byte) 1);
      int result =
          scan(pagemap, scratch, area.address(), LibC.PAGE_BYTES, 0, PRESENT, PRESENT | WRITTEN);
      return result < 0
          ? new Feature("pagemap-scan", false, scanRefusal(result))
          : new Feature("pagemap-scan", true, "ioctl PAGEMAP_SCAN works");
    } catch (SyscallException e) {
      return new Feature("pagemap-scan", false, e.getMessage());
    }
  }

  private static String scanRefusal(int result) {
    Errno errno = new Errno(-result);
    return errno.equals(Errno.ENOTTY) || errno.equals(Errno.EINVAL)
        ? "ioctl PAGEMAP_SCAN: " + errno + ", needs Linux 6.7"
        : "ioctl PAGEMAP_SCAN: " + errno;
  }

  private Feature category(Feature scan, String name, long category, String whyNot) {
    if (!scan.present()) {
      return new Feature(name, false, "pagemap-scan is lacking");
    }
    try (Fd pagemap = Fd.openReadOnly("/proc/self/pagemap");
        NativeBuffer area = NativeBuffer.allocate(LibC.PAGE_BYTES);
        NativeBuffer scratch = NativeBuffer.allocate(LibC.PAGE_BYTES)) {
      int result = scan(pagemap, scratch, area.address(), LibC.PAGE_BYTES, 0, 0, category);
      return result < 0
          ? new Feature(name, false, "PAGEMAP_SCAN refuses the category, " + whyNot)
          : new Feature(name, true, "PAGEMAP_SCAN knows the category");
    } catch (SyscallException e) {
      return new Feature(name, false, e.getMessage());
    }
  }

  private Feature wpAsync() {
    try (Fd uffd = userfaultfd();
        NativeBuffer scratch = NativeBuffer.allocate(LibC.PAGE_BYTES)) {
      int result = api(uffd, scratch);
      if (result < 0) {
        return new Feature(
            "wp-async",
            false,
            "ioctl UFFDIO_API, features=WP_ASYNC: " + new Errno(-result) + ", needs Linux 6.7");
      }
      return new Feature("wp-async", true, "userfaultfd offers WP_ASYNC");
    } catch (SyscallException e) {
      return new Feature("wp-async", false, e.getMessage());
    }
  }

  /** Drops a clean page, small or huge, and looks whether the scan says that it was written. */
  private Feature holesReported(String name, boolean huge) {
    int bytes = huge ? HUGE_PAGE_BYTES : LibC.PAGE_BYTES;
    // Twice as much: a huge page must start at a multiple of its size.
    try (Fd pagemap = Fd.openReadOnly("/proc/self/pagemap");
        Fd uffd = userfaultfd();
        NativeBuffer scratch = NativeBuffer.allocate(LibC.PAGE_BYTES);
        NativeBuffer area = NativeBuffer.allocate(2L * bytes)) {
      long start = (area.address() + bytes - 1) & -(long) bytes;
      if (huge) {
        LibC.madvise(area.address(), 2L * bytes, LibC.MADV_HUGEPAGE);
      }
      area.bytes().put((int) (start - area.address()), (byte) 1);
      if (huge && !isHuge(pagemap, scratch, start)) {
        return new Feature(name, false, "no huge page to be had for the test");
      }
      int result = api(uffd, scratch);
      if (result >= 0) {
        ByteBuffer arg = scratch.bytes();
        arg.putLong(Uffdio.REGISTER_START, start);
        arg.putLong(Uffdio.REGISTER_LEN, bytes);
        arg.putLong(Uffdio.REGISTER_MODE, Uffdio.MODE_WP);
        arg.putLong(Uffdio.REGISTER_IOCTLS, 0);
        result = binding.ioctl(uffd.number(), Uffdio.REGISTER, scratch.address());
      }
      if (result >= 0) {
        result =
            scan(
                pagemap,
                scratch,
                start,
                bytes,
                PmScanArg.WP_MATCHING | PmScanArg.CHECK_WPASYNC,
                PRESENT,
                PRESENT | WRITTEN);
      }
      if (result < 0) {
        return new Feature(name, false, "the test failed: " + new Errno(-result));
      }
      LibC.madvise(start, bytes, LibC.MADV_DONTNEED);
      result = scan(pagemap, scratch, start, bytes, 0, WRITTEN, WRITTEN);
      return result > 0
          ? new Feature(name, true, "a dropped page is reported written")
          : new Feature(name, false, "a dropped page is not reported written");
    } catch (SyscallException e) {
      return new Feature(name, false, e.getMessage());
    }
  }

  private boolean isHuge(Fd pagemap, NativeBuffer scratch, long start) {
    return scan(pagemap, scratch, start, HUGE_PAGE_BYTES, 0, HUGE, HUGE) > 0;
  }

  /** Options are checked before the refusal to trace one's own thread group, which is EPERM too. */
  private static Feature suspendSeccomp() {
    String name = "suspend-seccomp";
    LibC.ptrace(PTRACE_SEIZE, LibC.getpid(), 0, PTRACE_O_SUSPEND_SECCOMP);
    if (Errno.last().equals(Errno.EINVAL)) {
      return new Feature(name, false, "kernel without CONFIG_CHECKPOINT_RESTORE or CONFIG_SECCOMP");
    }
    if (!isAdmin()) {
      return new Feature(name, false, "needs CAP_SYS_ADMIN");
    }
    if (!statusWord("Seccomp").equals("0")) {
      return new Feature(name, false, "we run under a seccomp filter ourselves");
    }
    return new Feature(name, true, "PTRACE_O_SUSPEND_SECCOMP is known, CAP_SYS_ADMIN is held");
  }

  private static Feature rawPagemap() {
    return isAdmin()
        ? new Feature("raw-pagemap", true, "CAP_SYS_ADMIN is held")
        : new Feature("raw-pagemap", false, "page frames and swap types need CAP_SYS_ADMIN");
  }

  /**
   * Writes a page, clears our own bits, and writes it again. Clearing takes our mmap lock for some
   * milliseconds, so it is done only where a written page is soft-dirty at all.
   */
  private static Feature softDirty() {
    String name = "soft-dirty";
    try (Fd pagemap = Fd.openReadOnly("/proc/self/pagemap");
        NativeBuffer area = NativeBuffer.allocate(LibC.PAGE_BYTES);
        NativeBuffer scratch = NativeBuffer.allocate(LibC.PAGE_BYTES)) {
      area.bytes().put(0, (byte) 1);
      if (!isSoftDirty(pagemap, scratch, area)) {
        return new Feature(name, false, "kernel without CONFIG_MEM_SOFT_DIRTY");
      }
      try (Fd clearRefs = Fd.openWriteOnly("/proc/self/clear_refs")) {
        scratch.bytes().put(0, (byte) '4');
        if (LibC.pwrite(clearRefs.number(), scratch.address(), 1, 0) != 1) {
          return new Feature(name, false, "/proc/PID/clear_refs: " + Errno.last());
        }
      }
      boolean cleared = !isSoftDirty(pagemap, scratch, area);
      area.bytes().put(0, (byte) 2);
      return cleared && isSoftDirty(pagemap, scratch, area)
          ? new Feature(name, true, "a page written after /proc/PID/clear_refs is soft-dirty")
          : new Feature(name, false, "/proc/PID/clear_refs does not make writes visible");
    } catch (SyscallException e) {
      return new Feature(name, false, e.getMessage());
    }
  }

  private static boolean isSoftDirty(Fd pagemap, NativeBuffer scratch, NativeBuffer page) {
    long offset = (page.address() >>> 12) * Long.BYTES;
    return LibC.pread(pagemap.number(), scratch.address(), Long.BYTES, offset) == Long.BYTES
        && (scratch.bytes().getLong(0) >>> 55 & 1) != 0;
  }

  private static Feature cgroup2() {
    String name = "cgroup2-freezer";
    try {
      for (String line : Files.readString(Path.of("/proc/self/mountinfo")).split("\n", -1)) {
        int dash = line.indexOf(" - cgroup2 ");
        if (dash >= 0) {
          return new Feature(name, true, "mounted at " + line.split(" ", -1)[4]);
        }
      }
      return new Feature(name, false, "cgroup v2 is not mounted");
    } catch (IOException e) {
      return new Feature(name, false, "/proc/self/mountinfo: " + e.getMessage());
    }
  }

  private static Feature procMemForce() {
    String name = "proc-mem-force";
    try (Fd mem = Fd.openReadOnly("/proc/self/mem");
        NativeBuffer area = NativeBuffer.allocate(LibC.PAGE_BYTES);
        NativeBuffer scratch = NativeBuffer.allocate(LibC.PAGE_BYTES)) {
      area.bytes().put(0, (byte) 1);
      LibC.mprotect(area.address(), LibC.PAGE_BYTES, LibC.PROT_NONE);
      long read = LibC.pread(mem.number(), scratch.address(), 1, area.address());
      return read == 1
          ? new Feature(name, true, "/proc/PID/mem reads memory without read permission")
          : new Feature(name, false, "/proc/PID/mem: " + Errno.last() + " without read permission");
    } catch (SyscallException e) {
      return new Feature(name, false, e.getMessage());
    }
  }

  private static boolean isAdmin() {
    try {
      return (Long.parseUnsignedLong(statusWord("CapEff"), 16) >>> CAP_SYS_ADMIN & 1) != 0;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  /** Returns the value of a line of our own status, empty if there is none. */
  private static String statusWord(String key) {
    try {
      for (String line : Files.readString(Path.of("/proc/self/status")).split("\n", -1)) {
        if (line.startsWith(key + ":")) {
          return line.substring(key.length() + 1).trim();
        }
      }
      return "";
    } catch (IOException e) {
      return "";
    }
  }

  private static Fd userfaultfd() throws SyscallException {
    long fd =
        LibC.syscall(
            LibC.SYS_USERFAULTFD,
            LibC.O_CLOEXEC | LibC.O_NONBLOCK | Uffdio.USER_MODE_ONLY,
            0,
            0,
            0,
            0,
            0);
    if (fd < 0) {
      throw new SyscallException("userfaultfd()", Errno.last());
    }
    return Fd.adopt((int) fd, "userfaultfd");
  }

  private int api(Fd uffd, NativeBuffer scratch) {
    ByteBuffer arg = scratch.bytes();
    arg.putLong(Uffdio.API_API, Uffdio.API_VERSION);
    arg.putLong(Uffdio.API_FEATURES, Uffdio.FEATURE_WP_ASYNC);
    arg.putLong(Uffdio.API_IOCTLS, 0);
    return binding.ioctl(uffd.number(), Uffdio.API, scratch.address());
  }

  private int scan(
      Fd pagemap,
      NativeBuffer scratch,
      long start,
      long bytes,
      long flags,
      long mask,
      long returnMask) {
    ByteBuffer arg = scratch.bytes();
    arg.putLong(PmScanArg.SIZE, PmScanArg.BYTES);
    arg.putLong(PmScanArg.FLAGS, flags);
    arg.putLong(PmScanArg.START, start);
    arg.putLong(PmScanArg.END, start + bytes);
    arg.putLong(PmScanArg.WALK_END, 0);
    arg.putLong(PmScanArg.VEC, scratch.address() + PmScanArg.BYTES);
    arg.putLong(PmScanArg.VEC_LEN, VEC_LEN);
    arg.putLong(PmScanArg.MAX_PAGES, 0);
    arg.putLong(PmScanArg.CATEGORY_INVERTED, 0);
    arg.putLong(PmScanArg.CATEGORY_MASK, mask);
    arg.putLong(PmScanArg.CATEGORY_ANYOF_MASK, 0);
    arg.putLong(PmScanArg.RETURN_MASK, returnMask);
    return binding.ioctl(pagemap.number(), PmScanArg.PAGEMAP_SCAN, scratch.address());
  }
}
