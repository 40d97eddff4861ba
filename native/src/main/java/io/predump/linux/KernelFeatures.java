package io.predump.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What this kernel and this user can do, found out by trying it in our own process, in memory
 * mapped for the purpose: a few milliseconds, once. Immutable.
 *
 * @param kernelRelease the running kernel, for example {@code 6.12.5-amd64}
 * @param architecture the processor architecture
 * @param pagemapScan ioctl PAGEMAP_SCAN, Linux 6.7
 * @param wpAsync userfaultfd with asynchronous write protection, for user faults only, Linux 6.7
 * @param guardCategory PAGEMAP_SCAN knows the category GUARD, Linux 6.15
 * @param holesReportedPte a page dropped by MADV_DONTNEED is reported WRITTEN
 * @param holesReportedThp a huge page dropped by MADV_DONTNEED is reported WRITTEN
 * @param suspendSeccomp seccomp filters of a traced thread can be suspended
 * @param rawPagemap the raw pagemap shows page frames and swap types
 * @param softDirty writes set soft-dirty bits, and {@code /proc/PID/clear_refs} clears them
 * @param cgroup2 cgroup v2 is mounted, the reason names where
 * @param procMemForce {@code /proc/PID/mem} reads mappings without read permission
 */
public record KernelFeatures(
    String kernelRelease,
    String architecture,
    Feature pagemapScan,
    Feature wpAsync,
    Feature guardCategory,
    Feature holesReportedPte,
    Feature holesReportedThp,
    Feature suspendSeccomp,
    Feature rawPagemap,
    Feature softDirty,
    Feature cgroup2,
    Feature procMemForce) {

  private static final Pattern RELEASE = Pattern.compile("^(\\d+)\\.(\\d+)(?:\\.(\\d+))?");

  /** Computed at first use, then kept: the kernel does not change under us. */
  private static final class Current {
    static final KernelFeatures VALUE = probe(IoctlBinding.KERNEL);
  }

  /** Returns the answers of this process's first probe. */
  public static KernelFeatures current() {
    return Current.VALUE;
  }

  /** Probes now. */
  public static KernelFeatures probe() {
    return probe(IoctlBinding.KERNEL);
  }

  /**
   * Probes now.
   *
   * @param binding the kernel, or a test's idea of it
   */
  public static KernelFeatures probe(IoctlBinding binding) {
    return new FeatureProbe(binding).run();
  }

  /** Returns all answers, in the order they depend on each other. */
  public List<Feature> all() {
    return List.of(
        pagemapScan,
        wpAsync,
        guardCategory,
        holesReportedPte,
        holesReportedThp,
        suspendSeccomp,
        rawPagemap,
        softDirty,
        cgroup2,
        procMemForce);
  }

  /**
   * Returns whether dropped pages are reported WRITTEN in all cases, so that a scan for WRITTEN
   * alone misses nothing in anonymous memory.
   */
  public boolean reportsHoles() {
    return holesReportedPte.present() && holesReportedThp.present();
  }

  /** Returns whether memory can be tracked by asynchronous write protection. */
  public boolean tracksByWriteProtection() {
    return pagemapScan.present() && wpAsync.present();
  }

  /**
   * Returns whether huge pages of hugetlbfs may be write-protected. Before 6.18.40 and 7.1.5 a scan
   * that protects and matches a hole among them locks up, with the process's memory lock held; no
   * scan of ours matches holes, but a lock-up that cannot be killed is not risked.
   */
  public boolean tracksHugetlb() {
    int[] release = numbers(kernelRelease);
    boolean longTerm = release[0] == 6 && release[1] == 18 && release[2] >= 40;
    boolean mainline = release[0] == 7 && release[1] == 1 && release[2] >= 5;
    boolean later = release[0] > 7 || (release[0] == 7 && release[1] > 1);
    return tracksByWriteProtection() && (longTerm || mainline || later);
  }

  /** {@return the three numbers a kernel release begins with, 0 for one that is missing} */
  private static int[] numbers(String release) {
    int[] numbers = new int[3];
    Matcher matcher = RELEASE.matcher(release);
    if (matcher.find()) {
      for (int i = 0; i < numbers.length; i++) {
        String digits = matcher.group(i + 1);
        numbers[i] = digits == null ? 0 : Integer.parseInt(digits);
      }
    }
    return numbers;
  }

  /**
   * Returns whether memory can be tracked by soft-dirty bits. They alone do not do: the kernel
   * moves whole page tables (mremap) and merges equal pages (KSM) without setting them, which only
   * the page frames show.
   */
  public boolean tracksBySoftDirty() {
    return softDirty.present() && rawPagemap.present();
  }

  static String firstLine(String path) throws IOException {
    String text = Files.readString(Path.of(path));
    int end = text.indexOf('\n');
    return end < 0 ? text : text.substring(0, end);
  }
}
