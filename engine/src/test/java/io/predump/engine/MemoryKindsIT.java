package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.VmaPolicy;
import io.predump.images.VmaRecord;
import io.predump.linux.KernelFeatures;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One mapping of every kind: each gets its policy, and what can be held is held. */
final class MemoryKindsIT {
  private static final Path POOL = Path.of("/proc/sys/vm/nr_hugepages");
  private static final KernelFeatures KERNEL = KernelFeatures.current();

  private static final List<String> TRACKED =
      List.of(
          "anonymous",
          "readonly",
          "none",
          "executable",
          "noreserve",
          "growsdown",
          "locked",
          "wipeonfork",
          "dontfork",
          "dontdump",
          "mergeable",
          "thp",
          "guarded",
          "heap",
          "stack",
          "threadstack",
          "bss",
          "largefile");
  private static final List<String> SHARED =
      List.of("shared", "memfd", "tmpfs", "sysv", "hugetlbshared");
  private static final List<String> COMPARED =
      List.of(
          "droppable", "userfaultfd", "text", "shared", "memfd", "tmpfs", "sysv", "hugetlbshared");
  private static final List<String> SKIPPED = List.of("sharedfile", "secret", "iouring", "perf");

  @TempDir Path directory;

  private String huge = "0";

  /** Where a kind lies, and how many pages of its own it has. */
  private record Place(long address, int pages) {}

  @BeforeEach
  void reserveHugePages() throws IOException {
    WriteProtection.required();
    huge = Files.readString(POOL).trim();
    Files.writeString(POOL, String.valueOf(Integer.parseInt(huge) + 4));
  }

  @AfterEach
  void giveThemBack() throws IOException {
    Files.writeString(POOL, huge);
  }

  private static Map<String, VmaPolicy> expected() {
    Map<String, VmaPolicy> expected = new TreeMap<>();
    TRACKED.forEach(kind -> expected.put(kind, VmaPolicy.TRACK));
    COMPARED.forEach(kind -> expected.put(kind, VmaPolicy.COMPARE));
    SKIPPED.forEach(kind -> expected.put(kind, VmaPolicy.SKIP));
    expected.put("vdso", VmaPolicy.AT_FREEZE);
    expected.put("aio", VmaPolicy.AT_FREEZE);
    VmaPolicy file = KERNEL.guardCategory().present() ? VmaPolicy.COMPARE : VmaPolicy.TRACK;
    expected.put("file", file);
    expected.put("memfdprivate", file);
    expected.put("hugetlb", KERNEL.tracksHugetlb() ? VmaPolicy.TRACK : VmaPolicy.COMPARE);
    return expected;
  }

  @Test
  void everyKindOfMappingGetsItsPolicyAndIsHeld() throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = LiveTarget.start(Targets.program("allkinds"))) {
      Map<String, Place> places = places(target);
      assertThat(places.keySet()).containsExactlyInAnyOrderElementsOf(expected().keySet());
      VerifyResult verify;
      try (PreDumpSession session =
          PreDumpSession.attach(target.pid(), images, SessionOptions.defaults("test"))) {
        session.round().orElseThrow();
        assertThat(target.ask("again")).isEqualTo("done");
        session.round().orElseThrow();
        assertThat(target.ask("again")).isEqualTo("done");
        verify = session.finish(true).orElseThrow().verify().orElseThrow();
      }
      assertThat(verify.firstDifferences()).isEmpty();
      assertThat(verify.different()).isZero();
      assertThat(target.ask("alive")).isEqualTo("done");

      Map<String, VmaPolicy> policies = new TreeMap<>();
      SoftAssertions held = new SoftAssertions();
      List<VmaRecord> vmas = vmas(images);
      for (Map.Entry<String, Place> kind : places.entrySet()) {
        Place place = kind.getValue();
        VmaRecord vma =
            vmas.stream()
                .filter(v -> v.start() <= place.address && place.address < v.end())
                .findFirst()
                .orElseThrow(() -> new AssertionError("no mapping: " + kind));
        policies.put(kind.getKey(), vma.policy());
        if (ofTheProcess(kind.getKey(), vma)) {
          held.assertThat(
                  Targets.heldPages(
                      images, target.pid(), vma.start(), (int) ((vma.end() - vma.start()) >> 12)))
              .as("held pages of %s", kind.getKey())
              .isGreaterThanOrEqualTo(place.pages);
        }
      }
      held.assertAll();
      assertThat(policies).isEqualTo(expected());
    }
  }

  private static boolean ofTheProcess(String kind, VmaRecord vma) {
    return vma.policy() != VmaPolicy.SKIP && !SHARED.contains(kind);
  }

  private static Map<String, Place> places(LiveTarget target) throws IOException {
    Map<String, Place> places = new LinkedHashMap<>();
    for (String line = target.nextLine(); !line.equals("ready"); line = target.nextLine()) {
      String[] words = line.split(" ", -1);
      assertThat(words).as(line).hasSize(3);
      places.put(
          words[0], new Place(Long.parseUnsignedLong(words[1], 16), Integer.parseInt(words[2])));
    }
    return places;
  }

  private static List<VmaRecord> vmas(Path images) throws IOException {
    try (ImageChain chain = ImageChain.open(images)) {
      return chain.newest().manifest().vmas();
    }
  }
}
