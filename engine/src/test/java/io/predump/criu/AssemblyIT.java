package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.criu.Programs.Ended;
import io.predump.images.CriuImages;
import io.predump.images.CriuTask.PrivateMapping;
import io.predump.linux.KernelFeatures;
import io.predump.linux.testkit.CProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a checkpoint has to hold besides plain anonymous memory: each kind is looked after by the
 * target itself once it is restored, and is missed by it when it is left out.
 */
final class AssemblyIT {
  private static final byte[] ZEROS = new byte[RawMemory.PAGE];

  /** Preloaded before the veil: scans for guard pages find none. */
  private static final String BLIND =
      """
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <stdarg.h>
      #include <stdint.h>
      #include <sys/ioctl.h>
      struct scan { uint64_t size, flags, start, end, walk_end, rest[3], inverted, mask, more[2]; };
      int ioctl(int fd, unsigned long request, ...) {
        va_list rest;
        va_start(rest, request);
        struct scan *scan = va_arg(rest, void *);
        va_end(rest);
        if (request == _IOWR('f', 16, struct scan) && scan->mask & 256) {
          scan->walk_end = scan->end;
          return 0;
        }
        return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(fd, request, scan);
      }
      """;

  @TempDir Path temp;
  private Path images = Path.of("");
  private Path raw = Path.of("");
  private Path work = Path.of("");

  @BeforeEach
  void makeDirectories() throws IOException {
    images = temp.resolve("images");
    raw = images.resolve("0002.criu");
    work = Files.createDirectory(temp.resolve("work"));
  }

  private void dump(SelfChecking target, Path criu) throws IOException {
    Ended dump =
        Programs.predump(
            "run",
            "-t",
            target.pid().toString(),
            "-D",
            images.toString(),
            "--rounds",
            "1",
            "--final",
            "criu",
            "--expand",
            "--criu",
            criu.toString());
    assertThat(dump.exitCode()).as(dump.err()).isZero();
    target.awaitGone();
  }

  private Ended restore() throws IOException {
    return Programs.run(
        work,
        List.of(
            StockCriu.program().path().toString(),
            "restore",
            "-D",
            raw.toString(),
            "-W",
            work.toString(),
            "-d"));
  }

  private void assertRestoredAs(SelfChecking target, String answer) throws IOException {
    Ended restore = restore();
    assertThat(restore.exitCode()).as(restore.out()).isZero();
    assertThat(target.check()).isEqualTo(answer);
  }

  @Test
  void everyKindComesBack() throws IOException {
    try (SelfChecking target = SelfChecking.start("8", "ring")) {
      dump(target, StockCriu.program().path());
      assertThat(RawMemory.read(raw, target.pid().number()).pagesId())
          .as("pages-1.img is the shared memory's")
          .isGreaterThan(1);

      assertRestoredAs(target, "right");
    }
  }

  @Test
  void aZeroPageOfAFileMappingThatIsLeftOutComesBackAsTheFile() throws IOException {
    try (SelfChecking target = SelfChecking.start("8", "ring")) {
      int vpid = target.pid().number();
      dump(target, StockCriu.program().path());
      List<PrivateMapping> mappings = CriuImages.open(raw).tasks().get(0).privateMappings();
      RawMemory memory = RawMemory.read(raw, vpid);
      boolean leftOut =
          memory
              .pages()
              .entrySet()
              .removeIf(
                  page ->
                      Arrays.equals(page.getValue(), ZEROS) && isOfAFile(page.getKey(), mappings));
      assertThat(leftOut).isTrue();
      memory.writeUnder(memory.pagesId(), raw, vpid);

      assertRestoredAs(target, "wrong: page of a file");
    }
  }

  private static boolean isOfAFile(long address, List<PrivateMapping> mappings) {
    return mappings.stream()
        .anyMatch(m -> !m.anonymous() && address >= m.start() && address < m.end());
  }

  @Test
  void withoutTheRingForAsynchronousReadsCriuRestoresNothing() throws IOException {
    try (SelfChecking target = SelfChecking.start("8", "ring")) {
      long ring = target.ring();
      int vpid = target.pid().number();
      dump(target, StockCriu.program().path());
      RawMemory memory = RawMemory.read(raw, vpid);
      assertThat(memory.pages().remove(ring)).isNotNull();
      memory.writeUnder(memory.pagesId(), raw, vpid);

      assertThat(restore().exitCode()).isNotZero();
      target.awaitGone();
    }
  }

  @Test
  void pagesUnderANumberThatCriuHasGivenToOthersDoNotComeBack() throws IOException {
    try (SelfChecking target = SelfChecking.start("8", "ring")) {
      int vpid = target.pid().number();
      dump(target, StockCriu.program().path());
      RawMemory.read(raw, vpid).writeUnder(1, raw, vpid);

      boolean failed = restore().exitCode() != 0;

      assertThat(failed || !target.check().equals("right")).isTrue();
    }
  }

  @Test
  void guardPagesThatCriuDoesNotSeeComeBackAsPlainMemory() throws IOException {
    assumeTrue(KernelFeatures.current().guardCategory().present(), "a kernel without guard pages");
    Path blind = CProgram.compile("blind", BLIND, "-shared", "-fPIC", "-ldl").executable();
    Path criu = temp.resolve("blind-criu");
    Files.writeString(
        criu,
        "#!/bin/sh\n[ -z \"$LD_PRELOAD\" ] || LD_PRELOAD=%s:$LD_PRELOAD\nexec %s \"$@\"\n"
            .formatted(blind, StockCriu.program().path()));
    Files.setPosixFilePermissions(criu, PosixFilePermissions.fromString("rwx------"));
    try (SelfChecking target = SelfChecking.start("8", "ring")) {
      dump(target, criu);

      assertRestoredAs(target, "wrong: guard");
    }
  }
}
