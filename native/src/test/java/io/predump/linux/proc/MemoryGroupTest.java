package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Groups as directories of files, of both versions. */
class MemoryGroupTest {
  private static final long MIB = 1 << 20;

  @TempDir Path root;

  private Path group(String path, String... filesAndTexts) throws IOException {
    Path directory = Files.createDirectories(root.resolve(path));
    Files.writeString(directory.resolve("cgroup.procs"), "1\n");
    for (int i = 0; i < filesAndTexts.length; i += 2) {
      Files.writeString(directory.resolve(filesAndTexts[i]), filesAndTexts[i + 1] + "\n");
    }
    return directory;
  }

  @Test
  void everyGroupAboveCountsAsFarAsItHasALimit() throws IOException {
    group("v2");
    Path outer =
        group(
            "v2/outer",
            "memory.max",
            "104857600",
            "memory.current",
            "94371840",
            "memory.stat",
            "anon 1\ninactive_file 4096\nactive_file 8192");
    group("v2/outer/mid", "memory.max", "max", "memory.current", "1", "memory.stat", "");
    Path inner =
        group(
            "v2/outer/mid/inner",
            "memory.max",
            "67108864",
            "memory.current",
            "66060288",
            "memory.stat",
            "inactive_anon 7\nactive_file 0\ninactive_file 2097152");

    assertThat(MemoryGroup.upFrom(inner))
        .containsExactly(
            new MemoryGroup(inner.toString(), "memory.max", 64 * MIB, 63 * MIB, 2 * MIB),
            new MemoryGroup(outer.toString(), "memory.max", 100 * MIB, 90 * MIB, 12288));
    assertThat(MemoryGroup.upFrom(inner))
        .extracting(MemoryGroup::roomBytes)
        .containsExactly(3 * MIB, 10 * MIB + 12288);
  }

  @Test
  void version1HasOtherNamesAndANumberForNoLimit() throws IOException {
    group(
        "v1",
        "memory.limit_in_bytes",
        "9223372036854771712",
        "memory.usage_in_bytes",
        "5",
        "memory.stat",
        "");
    Path inner =
        group(
            "v1/inner",
            "memory.limit_in_bytes",
            "1048576",
            "memory.usage_in_bytes",
            "2097152",
            "memory.stat",
            "inactive_file 77\ntotal_inactive_file 4096\ntotal_active_file 4096");

    assertThat(MemoryGroup.upFrom(inner))
        .containsExactly(
            new MemoryGroup(inner.toString(), "memory.limit_in_bytes", MIB, 2 * MIB, 8192));
    assertThat(MemoryGroup.upFrom(inner).get(0).roomBytes()).isZero();
  }
}
