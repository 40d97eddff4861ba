package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.linux.LibC;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import io.predump.linux.ptrace.KillPoint;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The engine killed with SIGKILL over and over, each time in a JVM of its own: before every act of
 * the injection, before the acts on the disk and steps of the engine, and at random instants. After
 * each kill the target checks itself, the committed rounds are verified, and another run takes
 * over. {@code -Dpredump.kills} sets how many, {@code -Dpredump.killSeed} where.
 */
final class KillCampaignIT {
  private static final List<String> KINDS = List.of("sleep", "tree", "compute", "threads");

  /** The steps of a freeze; each comes once in a run. */
  private static final List<String> FROZEN =
      List.of("the freeze", "the capture", "the comparison", "the thaw");

  private static final int KILLS = Integer.getInteger("predump.kills", 336);
  private static final long SEED = Long.getLong("predump.killSeed", System.nanoTime());
  private static final int MEBIBYTES = 4;
  private static final int KILLED = 128 + 9;
  private static final int SIGSTOP = 19;
  private static final int SIGCONT = 18;

  @TempDir Path directory;

  /** A kill: so long after a step of a run. */
  private record Kill(String step, long delayNanos) {}

  /** What came of the kills of one kind of target. */
  private static final class Tally {
    final Map<String, Integer> killsByPhase = new TreeMap<>();
    final List<String> harms = new ArrayList<>();
    int endedBefore;
    int partialsSwept;
    int roundsVerified;
    int userfaultfdsLeft;

    int kills() {
      return killsByPhase.values().stream().mapToInt(Integer::intValue).sum();
    }
  }

  @Test
  void noTargetIsHarmedAndNoRoundIsLostWheneverTheEngineIsKilled() throws Exception {
    long began = System.nanoTime();
    System.out.printf("kill campaign: seed=%d kills=%d%n", SEED, KILLS);
    Map<String, Tally> tallies = new TreeMap<>();
    ExecutorService lanes = Executors.newFixedThreadPool(2);
    try {
      List<Future<Tally>> running = new ArrayList<>();
      for (String kind : KINDS) {
        running.add(lanes.submit(() -> campaign(kind)));
      }
      for (int i = 0; i < KINDS.size(); i++) {
        tallies.put(KINDS.get(i), running.get(i).get());
      }
    } finally {
      lanes.shutdownNow();
      assertThat(lanes.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
    }
    tallies.forEach(KillCampaignIT::print);
    int harmed = tallies.values().stream().mapToInt(t -> t.harms.size()).sum();
    int kills = tallies.values().stream().mapToInt(Tally::kills).sum();
    System.out.printf(
        "kill campaign: kills=%d harmed targets=%d, %d s%n",
        kills, harmed, (System.nanoTime() - began) / 1_000_000_000);

    assertThat(tallies.values()).flatExtracting(t -> t.harms).as("seed=%d", SEED).isEmpty();
    assertThat(kills).isGreaterThanOrEqualTo(KILLS * 9 / 10);
    for (String phase : List.of("attach", "round", "commit", "freeze", "thaw", "release")) {
      assertThat(tallies.values())
          .as("some are killed in phase %s", phase)
          .anySatisfy(t -> assertThat(t.killsByPhase).containsKey(phase));
    }
    // Else the checks for them show nothing.
    assertThat(tallies.values()).anySatisfy(t -> assertThat(t.userfaultfdsLeft).isPositive());
    assertThat(tallies.values()).allSatisfy(t -> assertThat(t.partialsSwept).isPositive());
    assertThat(tallies.values()).allSatisfy(t -> assertThat(t.roundsVerified).isPositive());
  }

  private static void print(String kind, Tally tally) {
    System.out.printf(
        "%-8s kills=%d %s, ended before their kill=%d, partial rounds swept=%d, committed rounds"
            + " verified=%d, userfaultfds left until the next run=%d, harmed=%d%n",
        kind,
        tally.kills(),
        tally.killsByPhase,
        tally.endedBefore,
        tally.partialsSwept,
        tally.roundsVerified,
        tally.userfaultfdsLeft,
        tally.harms.size());
  }

  /** Kills runs of one target; once harmed it is replaced. */
  private Tally campaign(String kind) throws Exception {
    Tally tally = new Tally();
    Ledger target = Ledger.start(kind, MEBIBYTES);
    try {
      for (Kill kill : plan(kind, target)) {
        Path images = directory.resolve(kind + "-images");
        String output = run(target, images, kill.step, kill.delayNanos);
        if (!output.startsWith("killed\t")) {
          tally.endedBefore++;
        } else {
          String phase = output.lines().findFirst().orElseThrow().substring("killed\t".length());
          tally.killsByPhase.merge(phase, 1, Integer::sum);
        }
        String harm;
        try {
          harm = aftermath(target, images, tally);
        } catch (IOException | RuntimeException | AssertionError e) {
          harm = e.toString();
        }
        if (!harm.isEmpty()) {
          tally.harms.add(kind + ", " + kill + ", " + output.trim() + ": " + harm);
          target.close();
          target = Ledger.start(kind, MEBIBYTES);
        }
        delete(images);
      }
    } finally {
      target.close();
    }
    return tally;
  }

  /**
   * Of the acts of the injection each kind of target gets its share; the other half are steps of
   * everything else, instants of all of the run, and instants of the freeze and the thaw.
   */
  private List<Kill> plan(String kind, Ledger target) throws Exception {
    Path images = directory.resolve(kind + "-images");
    List<String> steps = run(target, images, String.valueOf(KilledRun.NEVER), 0).lines().toList();
    long nanos = Long.parseLong(steps.get(steps.size() - 1).split("\t", -1)[1]);
    delete(images);
    int share = KILLS / KINDS.size();
    Random random = new Random(SEED + KINDS.indexOf(kind));
    List<Kill> plan = new ArrayList<>();
    List<Integer> others = new ArrayList<>();
    for (int i = 0; i < steps.size() - 1; i++) {
      if (!steps.get(i).startsWith("inject")) {
        others.add(i);
      } else if (i % KINDS.size() == KINDS.indexOf(kind)) {
        plan.add(new Kill(String.valueOf(i), 0));
      }
    }
    for (String step : FROZEN) {
      assertThat(steps).filteredOn(line -> line.endsWith("\t" + step)).hasSize(1);
      plan.add(new Kill(step, 0));
    }
    for (int i = 0; i < share / 4; i++) {
      plan.add(new Kill("0", 1 + (long) (random.nextDouble() * nanos)));
      plan.add(new Kill(FROZEN.get(i % FROZEN.size()), 1 + random.nextInt(3_000_000)));
    }
    int left = Math.max(0, share - plan.size());
    for (int i = 0; i < left; i++) {
      int at = (int) ((i + random.nextDouble()) * others.size() / left);
      plan.add(new Kill(String.valueOf(others.get(at)), 0));
    }
    return plan;
  }

  /** What the killed run left: says what is wrong with it, or nothing. */
  private static String aftermath(Ledger target, Path images, Tally tally) throws IOException {
    String harm = target.harm();
    if (!harm.isEmpty()) {
      return harm;
    }
    List<String> left = Files.exists(images) ? Targets.names(images) : List.of();
    tally.partialsSwept += (int) left.stream().filter(n -> n.endsWith(".partial")).count();
    tally.userfaultfdsLeft += target.userfaultfds().size();
    int rounds = (int) left.stream().filter(name -> name.matches("\\d+")).count();
    tally.roundsVerified += rounds;
    if (rounds > 0) {
      assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
    }
    try (PreDumpSession next =
        PreDumpSession.attach(target.pid(), images, SessionOptions.defaults("test"))) {
      assertThat(Targets.names(images)).noneMatch(name -> name.endsWith(".partial"));
      assertThat(target.userfaultfds()).as("left in the target").isEmpty();
      assertThat(next.round().orElseThrow().round()).isEqualTo(rounds + 1);
      VerifyResult verify = next.finish(true).flatMap(FinalRound::verify).orElseThrow();
      assertThat(verify.firstDifferences()).isEmpty();
    }
    assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
    return target.harm();
  }

  /** Runs the engine in a JVM of its own, and returns what it printed. */
  private String run(Ledger target, Path images, String step, long delayNanos) throws Exception {
    return java(
        KilledRun.class,
        target.pid().toString(),
        images.toString(),
        step,
        Long.toString(delayNanos));
  }

  private String java(Class<?> program, String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx64m",
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()));
    command.addAll(Arrays.asList(arguments));
    Path errors = Files.createTempFile(directory, "errors", "");
    Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      assertThat(status).as("%s%n%s", output, Files.readString(errors)).isIn(0, KILLED);
      return output;
    } finally {
      process.destroyForcibly();
      Files.delete(errors);
    }
  }

  private static void delete(Path directory) throws IOException {
    if (Files.exists(directory)) {
      try (var files = Files.walk(directory)) {
        for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /**
   * The control: an injection that does not prepare for a kill, and the same eyes on its target.
   */
  @Test
  void aPlainInjectionKilledHalfWayHarmsItsTarget() throws Exception {
    int harmed = 0;
    for (int act = 10; act <= 22; act += 4) {
      try (Ledger target = Ledger.start("sleep", MEBIBYTES)) {
        java(KillPoint.class, target.pid().toString(), Integer.toString(act), "plain");
        harmed += target.harm().isEmpty() ? 0 : 1;
      }
    }
    System.out.printf("plain injections killed: 4, harmed targets=%d%n", harmed);
    assertThat(harmed).isPositive();
  }

  /** Controls: what the target says of itself can be bad news. */
  @Test
  void aStoppedTargetAndAWrongPageAreNoticed() throws Exception {
    try (Ledger target = Ledger.start("tree", MEBIBYTES)) {
      assertThat(target.harm()).isEmpty();
      target.live.signal(SIGSTOP);
      assertThat(target.harm()).contains("stopped: T");
      target.live.signal(SIGCONT);
      assertThat(target.harm()).isEmpty();

      long region =
          MemoryMap.read(target.pid()).vmas().stream()
              .filter(Vma::isAnonymousPrivate)
              .max(Comparator.comparingLong(Vma::bytes))
              .orElseThrow()
              .start();
      try (RandomAccessFile memory = new RandomAccessFile(target.pid().procPath("mem"), "rw")) {
        memory.seek(region);
        memory.write(new byte[64 * LibC.PAGE_BYTES]);
      }
      Targets.await("noticed", () -> target.harm().contains("pages wrong="));
    }
  }
}
