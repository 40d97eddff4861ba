package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.KernelFeatures;
import io.predump.linux.testkit.LiveTarget;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs of many kinds, copied and compared again and again while they work. All of it takes
 * about {@code -Dpredump.soak.seconds} (180), half of them for the adversary; what is random
 * follows from {@code -Dpredump.soak.seed} (1).
 */
final class SoakIT {
  private static final int SECONDS = Integer.getInteger("predump.soak.seconds", 180);
  private static final long SEED = Long.getLong("predump.soak.seed", 1);
  private static final long ADVERSARY_NANOS = 4_000_000_000L;
  private static final int[] PAUSES_MICROS = {0, 100, 300, 1000};

  /**
   * Each seed takes the next of these: memory alone, where the written bit is believed, and in
   * turns with it every kind of device that writes, where it is not. One kind at a time: io_uring
   * with O_DIRECT makes the adversary lose pages where nobody copies it (Linux 6.18: 5 of 20
   * sessions of three seconds), which none of them does alone.
   */
  private static final int[] FEATURES = {
    AdversaryTarget.MEMORY,
    AdversaryTarget.MEMORY | AdversaryTarget.DIRECT,
    AdversaryTarget.MEMORY | AdversaryTarget.VFORK,
    AdversaryTarget.MEMORY | AdversaryTarget.AIO,
    AdversaryTarget.MEMORY & ~AdversaryTarget.FORK,
    AdversaryTarget.MEMORY | AdversaryTarget.URING,
    AdversaryTarget.MEMORY,
    AdversaryTarget.MEMORY | AdversaryTarget.URING | AdversaryTarget.FIXED,
    AdversaryTarget.MEMORY & ~AdversaryTarget.FORK,
    AdversaryTarget.MEMORY | AdversaryTarget.PEER,
  };

  private static final Map<Program, SoakTally> TALLIES = new EnumMap<>(Program.class);

  @TempDir Path directory;

  /** What is soaked. */
  private enum Program {
    ADVERSARY(""),
    REDIS("/usr/bin/redis-server"),
    POSTGRES(""),
    NGINX("/usr/sbin/nginx"),
    MEMCACHED("/usr/bin/memcached"),
    JAVA_G1(""),
    JAVA_ZGC(""),
    JAVA_PARALLEL(""),
    JAVA_SERIAL_THP(""),
    PYTHON("/usr/bin/python3"),
    ETCD("/usr/bin/etcd");

    private final String executable;

    Program(String executable) {
      this.executable = executable;
    }

    SoakTarget start(Path directory) throws Exception {
      assumeTrue(
          executable.isEmpty() || Files.isExecutable(Path.of(executable)),
          executable + " is not installed");
      return switch (this) {
        case ADVERSARY -> throw new IllegalArgumentException("started with features");
        case REDIS -> new SoakRedis(directory);
        case POSTGRES -> {
          var binaries = PostgresServer.installed();
          assumeTrue(binaries.isPresent(), "postgresql is not installed");
          yield new SoakPostgres(directory, binaries.get());
        }
        case NGINX -> new SoakNginx(directory);
        case MEMCACHED -> new SoakMemcached();
        case JAVA_G1 -> SoakAnswering.java("-XX:+UseG1GC");
        case JAVA_ZGC -> SoakAnswering.java("-XX:+UseZGC");
        case JAVA_PARALLEL -> SoakAnswering.java("-XX:+UseParallelGC");
        case JAVA_SERIAL_THP ->
            SoakAnswering.java("-XX:+UseSerialGC", "-XX:+UseTransparentHugePages");
        case PYTHON -> SoakAnswering.python();
        case ETCD -> new SoakEtcd(directory);
      };
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "ADVERSARY")
  void aRealProgramIsCopiedAsItIsAndWorksOn(Program program) throws Exception {
    long share = SECONDS * 1_000_000_000L / 2 / (Program.values().length - 1);
    long end = System.nanoTime() + share;
    long seed = SEED + program.name().hashCode();
    try (SoakTarget target = program.start(directory)) {
      tally(program).add(new Soak(directory, program.name(), seed).run(target, end));
    }
  }

  @Test
  void theAdversaryIsCopiedAsItIsAndFindsItsPagesSound() throws Exception {
    long end = System.nanoTime() + SECONDS * 1_000_000_000L / 2;
    for (long seed = SEED; System.nanoTime() < end; seed++) {
      int features = FEATURES[(int) Math.floorMod(seed, (long) FEATURES.length)];
      int pause = PAUSES_MICROS[(int) Math.floorMod(seed / FEATURES.length, 4L)];
      String what = String.format("adversary features=0x%x pause=%d", features, pause);
      try (AdversaryTarget target = AdversaryTarget.start(seed, features, pause)) {
        long seedEnd = Math.min(end, System.nanoTime() + ADVERSARY_NANOS);
        SoakTally tally = new Soak(directory, what, seed).run(target, seedEnd);
        System.out.println("soak: " + what + " seed=" + seed + ": " + tally);
        tally(Program.ADVERSARY).add(tally);
      }
    }
  }

  /** The control: the check must be able to fail. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2})
  void withoutReArmingTheAdversaryIsCopiedWrong(int seed) throws Exception {
    try (AdversaryTarget target =
            AdversaryTarget.start(
                seed, AdversaryTarget.MEMORY & ~AdversaryTarget.FORK, PAUSES_MICROS[1]);
        PreDumpSession session =
            PreDumpSession.attach(
                target.pid(),
                directory.resolve("images"),
                SessionOptions.defaults("soak"),
                KernelFeatures.current(),
                TestHooks.without(Protection.REARM))) {
      for (int round = 1; round <= 2; round++) {
        assertThat(session.round()).isPresent();
        LiveTarget.pause(50);
      }
      VerifyResult verify = session.finish(true).flatMap(FinalRound::verify).orElseThrow();

      assertThat(verify.different()).as("seed=%d", seed).isPositive();
      target.check();
    }
  }

  private static SoakTally tally(Program program) {
    return TALLIES.computeIfAbsent(program, p -> new SoakTally());
  }

  @AfterAll
  static void sumUp() {
    SoakTally total = new SoakTally();
    TALLIES.forEach(
        (program, tally) -> {
          System.out.println(
              "soak: " + program.name().toLowerCase(java.util.Locale.ROOT) + ": " + tally);
          total.add(tally);
        });
    System.out.println("soak: in all: " + total + ", seed=" + SEED);
  }
}
