package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Targets in a memory cgroup of version 1 that is nearly full. */
final class MemoryRoomIT {
  private static final Path ROOT = Path.of("/sys/fs/cgroup/memory");
  private static final long MIB = 1 << 20;
  private static final int TARGET_MIB = 64;

  @TempDir Path directory;
  private final Path group = ROOT.resolve("predump-test-" + Pid.self());

  @BeforeEach
  void makeGroup() throws IOException {
    assumeTrue(
        Files.exists(ROOT.resolve("memory.limit_in_bytes")), "no memory cgroup of version 1");
    Files.createDirectory(group);
  }

  @AfterEach
  void removeGroup() throws IOException {
    if (Files.exists(group)) {
      Targets.await("empty", () -> Files.readString(group.resolve("cgroup.procs")).isEmpty());
      Files.delete(group);
    }
  }

  private void set(String file, Object value) throws IOException {
    Files.writeString(group.resolve(file), value.toString());
  }

  private long get(String file) throws IOException {
    return Long.parseLong(Files.readString(group.resolve(file)).trim());
  }

  /** Starts a program in the group. */
  private LiveTarget started(String name, Object... arguments) throws IOException {
    String command = Targets.program(name).executable().toString();
    for (Object argument : arguments) {
      command += " " + argument;
    }
    LiveTarget target =
        LiveTarget.start(
            List.of("sh", "-c", "echo $$ > " + group + "/cgroup.procs && exec " + command));
    assertThat(target.nextLine()).isEqualTo("ready");
    return target;
  }

  private PreDumpSession attach(LiveTarget target, TestHooks hooks) throws IOException {
    return PreDumpSession.attach(
        target.pid(),
        directory.resolve("images"),
        SessionOptions.defaults("test"),
        KernelFeatures.current(),
        hooks);
  }

  @Test
  void aTargetWithoutRoomForTheInjectionIsRefusedAndOneWithALittleIsCopied() throws IOException {
    try (LiveTarget target = started("filler", TARGET_MIB, 100)) {
      set("memory.limit_in_bytes", get("memory.usage_in_bytes") + MIB / 2);
      assertThatThrownBy(() -> attach(target, TestHooks.NONE).close())
          .isInstanceOf(TargetRefusedException.class)
          .hasMessageContaining("of its memory cgroup " + group + " (0 MiB lie in swap")
          .hasMessageEndingWith("raise memory.limit_in_bytes there by 1 MiB first");

      set("memory.limit_in_bytes", get("memory.usage_in_bytes") + 3 * MIB);
      copiesEverything(target);
      assertThat(get("memory.failcnt")).as("allocations that met the limit").isZero();
    }
  }

  /** Pages shared with a child since a fork are read without being copied. */
  @Test
  void readingPagesSharedByAForkTakesNoMemory() throws IOException {
    try (LiveTarget target = started("ledger", "tree", TARGET_MIB)) {
      long before = get("memory.usage_in_bytes");
      set("memory.limit_in_bytes", before + TARGET_MIB / 2 * MIB);
      try (PreDumpSession session = attach(target, TestHooks.NONE)) {
        assertThat(session.round()).isPresent();
        assertThat(get("memory.usage_in_bytes")).isLessThan(before + TARGET_MIB / 4 * MIB);
      }
      assertThat(target.isAlive()).isTrue();
    }
  }

  @Test
  void aTargetWithMoreInSwapThanFitsIsRefusedRatherThanKilled() throws Exception {
    try (Swap swap = Swap.on(directory.resolve("swap"), 2 * TARGET_MIB);
        LiveTarget target = swappedOut()) {
      assertThatThrownBy(() -> attach(target, TestHooks.NONE).close())
          .isInstanceOf(TargetRefusedException.class)
          .hasMessageMatching(
              "pid=\\d+ \\(filler.*\\): copying it takes up to \\d+ MiB of its memory cgroup "
                  + group
                  + " \\(\\d+ MiB lie in swap and come back when they are read\\), which has room"
                  + " for \\d+ of its \\d+ MiB: the kernel might kill it; raise"
                  + " memory.limit_in_bytes there by \\d+ MiB first")
          .satisfies(e -> assertThat(((TargetRefusedException) e).kind()).isEqualTo(Kind.LACKING));
      assertThat(target.isAlive()).isTrue();

      set("memory.limit_in_bytes", 2 * TARGET_MIB * MIB);
      copiesEverything(target);
    }
  }

  /** The control: without the check the same target does not survive being read. */
  @Test
  void withoutTheCheckTheKernelKillsIt() throws Exception {
    try (Swap swap = Swap.on(directory.resolve("swap"), 2 * TARGET_MIB);
        LiveTarget target = swappedOut()) {
      try (PreDumpSession session = attach(target, TestHooks.without(Protection.MEMORY_ROOM))) {
        session.round();
      } catch (IOException e) {
        // Killed in the middle of the attach already: whatever fails then, it is not what counts.
      }
      Targets.await("killed", () -> !target.isAlive());
    }
  }

  /** Half of it lies in swap, and what does not may not go there. */
  private LiveTarget swappedOut() throws IOException {
    LiveTarget target = started("filler", TARGET_MIB, 100);
    set("memory.limit_in_bytes", get("memory.usage_in_bytes") - TARGET_MIB / 2 * MIB);
    set("memory.swappiness", 0);
    assertThat(ProcStatus.read(target.pid()).swappedBytes()).isGreaterThan(TARGET_MIB / 4 * MIB);
    return target;
  }

  private void copiesEverything(LiveTarget target) throws IOException {
    try (PreDumpSession session = attach(target, TestHooks.NONE)) {
      assertThat(session.round()).isPresent();
      FinalRound last = session.finish(true).orElseThrow();
      assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
    }
    assertThat(target.isAlive()).isTrue();
  }

  /** A swap file of our own, gone when closed. */
  private static final class Swap implements AutoCloseable {
    private final Path file;

    private Swap(Path file) {
      this.file = file;
    }

    static Swap on(Path file, int mebibytes) throws Exception {
      boolean on;
      try {
        on =
            run("dd", "if=/dev/zero", "of=" + file, "bs=1M", "count=" + mebibytes, "status=none")
                && run("chmod", "600", file.toString())
                && run("mkswap", file.toString())
                && run("swapon", file.toString());
      } catch (IOException e) {
        on = false;
      }
      if (!on) {
        Files.deleteIfExists(file);
      }
      assumeTrue(on, "this machine lets nobody add a swap file in " + file.getParent());
      return new Swap(file);
    }

    private static boolean run(String... command) throws Exception {
      return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
    }

    @Override
    public void close() throws Exception {
      assertThat(run("swapoff", file.toString())).as("swapoff").isTrue();
      Files.delete(file);
    }
  }
}
