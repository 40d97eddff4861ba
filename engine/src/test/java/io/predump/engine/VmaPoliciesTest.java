package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.VmaPolicy;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Smaps;
import io.predump.linux.proc.Vma;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class VmaPoliciesTest {
  private static final String RANGE = "7f0000000000-7f0000010000 ";

  @ParameterizedTest(name = "{0} [{1}]")
  @CsvSource(
      delimiter = '|',
      value = {
        "rw-p 00000000 00:00 0 | rd wr mr mw me | TRACK | private | PROCESS",
        "---p 00000000 00:00 0 | mr mw me | TRACK | private | PROCESS",
        "r--p 00000000 00:00 0 | rd mr mw me | TRACK | private | PROCESS",
        "rwxp 00000000 00:00 0 | rd wr ex | TRACK | private | PROCESS",
        "rw-p 00000000 00:00 0 [heap] | rd wr | TRACK | private | PROCESS",
        "rw-p 00000000 00:00 0 [stack] | rd wr gd | TRACK | private | PROCESS",
        "rw-p 00000000 00:00 0 [anon:arena] | rd wr | TRACK | private | PROCESS",
        "rw-p 00000000 00:05 7 /dev/zero | rd wr | TRACK | private | PROCESS",
        "rw-p 00001000 08:01 42 /lib/libc.so | rd wr | TRACK | private | PROCESS",
        "rw-p 00001000 08:01 42 /tmp/a b (deleted) | rd wr | TRACK | private | PROCESS",
        "rw-p 00000000 00:01 9 /memfd:x (deleted) | rd wr | TRACK | private | PROCESS",
        "r-xp 00001000 08:01 42 /lib/libc.so | rd ex"
            + " | COMPARE | private file, not writable: few pages of its own | PROCESS",
        "r--p 00001000 08:01 42 /lib/libc.so | rd"
            + " | COMPARE | private file, not writable: few pages of its own | PROCESS",
        "rw-p 00000000 00:00 0 | rd wr um"
            + " | COMPARE | watched by a userfaultfd of its own | PROCESS",
        "rw-p 00000000 00:00 0 | rd wr uw"
            + " | COMPARE | watched by a userfaultfd of its own | PROCESS",
        "rw-p 00000000 00:00 0 | rd wr ui"
            + " | COMPARE | watched by a userfaultfd of its own | PROCESS",
        "rw-p 00000000 00:0f 3 /anon_hugepage (deleted) | rd wr ht"
            + " | TRACK | private hugetlb | PROCESS",
        "r--p 00000000 00:0f 3 /anon_hugepage (deleted) | rd ht"
            + " | COMPARE | hugetlb: read each round | PROCESS",
        "rw-p 00000000 00:0f 3 /dev/hugepages/x | rd wr ht"
            + " | TRACK | private hugetlb | PROCESS",
        "rw-p 00000000 00:00 0 | rd wr ss"
            + " | AT_FREEZE | shadow stack: the processor writes it | PROCESS",
        "rw-p 00000000 00:00 0 | rd wr dp"
            + " | COMPARE | droppable: cannot be protected | PROCESS",
        "rw-s 00000000 00:01 9 /dev/zero (deleted) | rd wr sh"
            + " | COMPARE | shared memory: written in ways no fault shows | SHARED",
        "rw-s 00000000 00:01 9 /SYSV00000000 (deleted) | rd wr sh"
            + " | COMPARE | shared memory: written in ways no fault shows | SHARED",
        "rw-s 00000000 00:01 9 /memfd:heap (deleted) | rd wr sh"
            + " | COMPARE | shared memory: written in ways no fault shows | SHARED",
        "rw-s 00000000 00:01 9 [anon_shmem:pool] | rd wr sh"
            + " | COMPARE | shared memory: written in ways no fault shows | SHARED",
        "rw-s 00000000 00:2a 9 /dev/shm/pool | rd wr sh"
            + " | COMPARE | file in memory: gone with the machine | SHARED",
        "rw-s 00000000 08:01 9 /var/lib/db | rd wr sh"
            + " | SKIP | shared file: content lives in the file | NONE",
        "r--s 00000000 08:01 9 /usr/lib/locale | rd sh"
            + " | SKIP | shared file: content lives in the file | NONE",
        "rw-s 00000000 00:0e 9 anon_inode:[io_uring] | rd wr sh mm"
            + " | SKIP | kernel object: anon_inode:[io_uring] | NONE",
        "rw-s 00000000 00:1b 9 /secretmem (deleted) | rd wr sh"
            + " | SKIP | secret memory: the kernel lets nobody read it | NONE",
        "rw-s 00000000 00:06 9 /dev/nvidia0 | rd wr sh pf io"
            + " | SKIP | device memory: not pages of the process | NONE",
        "rw-s 00000000 00:06 9 /dev/fb0 | rd wr sh | SKIP | special mapping: /dev/fb0 | NONE",
        "rw-s 00000000 00:10 9 /[aio] (deleted) | rd wr sh"
            + " | AT_FREEZE | aio ring: the kernel writes it | PROCESS",
        "r-xp 00000000 00:00 0 [vdso] | rd ex | AT_FREEZE | vdso: constant | PROCESS",
        "r--p 00000000 00:00 0 [vvar] | rd pf io"
            + " | SKIP | kernel page: every process has its own | NONE",
        "r--p 00000000 00:00 0 [vvar_vclock] | rd pf io"
            + " | SKIP | kernel page: every process has its own | NONE",
        "--xp 00000000 00:00 0 [vsyscall] | ex"
            + " | SKIP | kernel page: every process has its own | NONE",
      })
  void givesAMappingItsPolicyAndTheReason(
      String line, String flags, VmaPolicy policy, String reason, String pagemap) {
    PolicedVma judged = judge(line, flags);

    assertThat(judged.policy()).isEqualTo(policy);
    assertThat(judged.reason()).isEqualTo(reason);
    assertThat(judged.inProcessPagemap()).isEqualTo(pagemap.equals("PROCESS"));
    assertThat(judged.inSharedPagemap()).isEqualTo(pagemap.equals("SHARED"));
  }

  @Test
  void dropsZeroPagesOfAnonymousMemoryOnly() {
    PolicedVma anonymous = judge("rw-p 00000000 00:00 0", "rd wr");
    PolicedVma file = judge("rw-p 00001000 08:01 42 /lib/libc.so", "rd wr");

    assertThat(anonymous.runKind() & RunList.DROP_ZERO).isNotZero();
    assertThat(anonymous.vacantState()).isEqualTo(PageState.HOLE);
    assertThat(file.runKind() & RunList.DROP_ZERO).isZero();
    assertThat(file.vacantState()).isEqualTo(PageState.FILE);
  }

  @Test
  void comparesWhatIsNotTracked() {
    assertThat(judge("rw-p 00000000 00:00 0", "rd um").runKind() & RunList.COMPARED).isNotZero();
    assertThat(judge("rw-p 00000000 00:00 0", "rd").runKind() & RunList.COMPARED).isZero();
  }

  @Test
  void judgesAMappingThatSmapsNeverSawByItsLineAlone() {
    VmaPolicies policies =
        new VmaPolicies(Smaps.parse(new byte[0]), vma -> Backing.DISK, false, false);

    assertThat(policies.judge(MemoryMap.parse(RANGE + "rw-p 00000000 00:00 0\n")))
        .extracting(PolicedVma::policy)
        .containsExactly(VmaPolicy.TRACK);
  }

  @Test
  void comparesSmallFileMappingsWhereGuardPagesCouldMeetProtection() {
    VmaPolicies policies =
        new VmaPolicies(Smaps.parse(new byte[0]), vma -> Backing.DISK, false, true);
    String small = "7f0000000000-7f0000010000 rw-p 00000000 08:01 42 /lib/libc.so\n";
    String large = "7f1000000000-7f1004000000 rw-p 00000000 08:01 43 /var/snapshot\n";
    String anonymous = "7f2000000000-7f2000010000 rw-p 00000000 00:00 0\n";

    assertThat(policies.judge(MemoryMap.parse(small + large + anonymous)))
        .extracting(PolicedVma::policy)
        .containsExactly(VmaPolicy.COMPARE, VmaPolicy.TRACK, VmaPolicy.TRACK);
  }

  @Test
  void flagsOfAMappingDoNotOutliveIt() {
    String device = RANGE + "rw-p 00000000 00:06 9 /dev/zero\n";
    String smaps = device + "Rss:                   4 kB\nVmFlags: rd wr um\n";
    VmaPolicies policies =
        new VmaPolicies(
            Smaps.parse(smaps.getBytes(StandardCharsets.UTF_8)),
            VmaPoliciesTest::backing,
            true,
            false);
    MemoryMap then = MemoryMap.parse(device);
    MemoryMap between = MemoryMap.parse(RANGE + "rw-p 00000000 00:00 0\n");

    assertThat(policies.judge(then).get(0).policy()).isEqualTo(VmaPolicy.COMPARE);
    assertThat(policies.judge(between).get(0).policy()).isEqualTo(VmaPolicy.TRACK);
    assertThat(policies.judge(then).get(0).policy())
        .as("another mapping that looks like the first")
        .isEqualTo(VmaPolicy.TRACK);
  }

  private static PolicedVma judge(String line, String flags) {
    String header = RANGE + line + "\n";
    String smaps = header + "Rss:                   4 kB\nVmFlags: " + flags + "\n";
    return new VmaPolicies(
            Smaps.parse(smaps.getBytes(StandardCharsets.UTF_8)),
            VmaPoliciesTest::backing,
            true,
            false)
        .judge(MemoryMap.parse(header))
        .get(0);
  }

  private static Backing backing(Vma vma) {
    return switch (vma.deviceMinor()) {
      case 0x2a -> Backing.MEMORY;
      case 0x0f -> new Backing(Backing.Kind.HUGETLB, 2 << 20);
      default -> Backing.DISK;
    };
  }
}
