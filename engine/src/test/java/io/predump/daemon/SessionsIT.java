package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import io.predump.engine.RunResult;
import io.predump.engine.SessionOptions;
import io.predump.engine.StopReason;
import io.predump.engine.Targets;
import io.predump.engine.VerifyResult;
import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class SessionsIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test").withThreads(1);

  @TempDir Path directory;
  private final Watched watched = new Watched();
  private final Sessions sessions =
      new Sessions(SessionLimits.DEFAULT, budget(), new AccessRules(), List.of(session -> watched));

  private static CopyBudget budget() {
    return new CopyBudget(2, 1, CopyLimits.NONE);
  }

  @AfterEach
  void closeSessions() {
    sessions.close();
  }

  private AttachRequest request(LiveTarget target, String images) {
    return AttachRequest.of(target.pid(), directory.resolve(images), OPTIONS);
  }

  private ManagedSession attach(AttachRequest request) throws IOException {
    return sessions.attach(Peer.self(), request);
  }

  @Test
  void aSessionLivesFromRequestToRequestUntilItsFinish() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 1, 16, 1000)) {
      ManagedSession session = attach(request(target, "a").withName("redis"));
      for (int round = 1; round <= 3; round++) {
        assertThat(session.round()).map(RoundRecord::round).hasValue(round);
      }
      assertThat(session.status().state()).isEqualTo(SessionState.IDLE);
      assertThat(session.status().rounds()).isEqualTo(3);
      assertThat(session.status().processName()).startsWith("writer");
      assertThat(sessions.find(Peer.self(), "redis")).isSameAs(session);
      assertThat(sessions.find(Peer.self(), "s1")).isSameAs(session);
      assertThat(sessions.find(Peer.self(), target.pid().toString())).isSameAs(session);
      assertThat(sessions.find(target.pid())).hasValue(session);

      RunResult result = session.finish(FinishRequest.of(FinalMode.FREEZE, true));

      assertThat(result.rounds()).extracting(RoundRecord::round).containsExactly(1, 2, 3, 4);
      assertThat(result.stopReason()).isEqualTo(StopReason.REQUESTED);
      assertThat(result.verify()).map(VerifyResult::different).hasValue(0L);
      assertThat(sessions.list(Peer.self())).isEmpty();
      assertThat(watched.events)
          .containsExactly(
              "attached",
              "round 1",
              "round 2",
              "round 3",
              "thawed",
              "round 4",
              "detached: it is finished");
      assertThatThrownBy(session::round).hasMessage("session s1 was detached: it is finished");
      assertThat(new ChainVerifier(1).verify(directory.resolve("a")).problems()).isEmpty();
      Targets.awaitProgress(target);
    }
  }

  @Test
  void roundsGoOnUntilThePolicySaysStop() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 2, 16, 1000)) {
      ManagedSession session = attach(request(target, "a"));
      RunResult result =
          session.rounds(
              new LoopOptions(3, Duration.ZERO, Optional.empty(), FinalMode.NONE, false));
      assertThat(result.stopReason()).isEqualTo(StopReason.ROUND_LIMIT);
      assertThat(result.rounds()).hasSize(3);
      assertThatThrownBy(() -> session.rounds(LoopOptions.DEFAULT))
          .hasMessage("finalMode=FREEZE: finish it");
    }
  }

  @Test
  void twoClientsOfOneSessionTakeTurns() throws Exception {
    try (LiveTarget target = Targets.ready("writer", 3, 16, 1000)) {
      ManagedSession session = attach(request(target, "a"));
      List<CompletableFuture<Optional<RoundRecord>>> rounds = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        rounds.add(CompletableFuture.supplyAsync(() -> round(session)));
      }
      List<Integer> numbers = new ArrayList<>();
      for (CompletableFuture<Optional<RoundRecord>> round : rounds) {
        numbers.add(round.get(30, TimeUnit.SECONDS).orElseThrow().round());
      }
      assertThat(numbers).containsExactlyInAnyOrder(1, 2, 3, 4, 5, 6);
    }
  }

  private static Optional<RoundRecord> round(ManagedSession session) {
    try {
      return session.round();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatWaitsBehindAFinishIsRefused() throws Exception {
    try (LiveTarget target = Targets.ready("writer", 13, 16, 1000)) {
      ManagedSession session = attach(request(target, "a"));
      CountDownLatch going = new CountDownLatch(1);
      CountDownLatch queued = new CountDownLatch(1);
      Job<RunResult> finish =
          session.submit(
              s -> {
                going.countDown();
                awaitQuietly(queued);
                return session.finishWork(FinishRequest.of(FinalMode.NONE, false)).with(s);
              });
      going.await();
      Job<Boolean> late = session.submit(s -> true);
      queued.countDown();
      assertThat(finish.await().stopReason()).isEqualTo(StopReason.REQUESTED);
      assertThatThrownBy(late::await).hasMessage("the session is being detached: it is finished");
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aTreeIsInOneSessionAlone() throws IOException {
    try (LiveTarget family = Targets.ready("family")) {
      Pid below = new Pid(Integer.parseInt(family.ask("fork " + family.pid())));
      ManagedSession session = attach(request(family, "a"));
      assertThatThrownBy(() -> attach(request(family, "b")))
          .hasMessageContaining("is in session s1 (pid=" + family.pid() + ") already");
      AttachRequest child = AttachRequest.of(below, directory.resolve("c"), OPTIONS);
      assertThatThrownBy(() -> attach(child))
          .hasMessageEndingWith("is in session s1 (pid=" + family.pid() + ") already");
      session.close();
      attach(request(family, "b"));
    }
  }

  @Test
  void theEndOfATargetIsNotedAndMakesRoom() throws IOException {
    LiveTarget target = Targets.ready("writer", 4, 16, 1000);
    ManagedSession session;
    try (target) {
      session = attach(request(target, "a").withName("x"));
      session.round();
    }
    Targets.await("the end is noticed", () -> session.status().state() == SessionState.ENDED);
    assertThat(session.status().ended()).hasValue(StopReason.TARGET_EXITED);
    assertThatThrownBy(session::round)
        .isInstanceOfSatisfying(
            DaemonException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.TARGET_GONE))
        .hasMessage("session s1 has ended: the target exited");
    assertThat(sessions.list(Peer.self())).containsExactly(session);
    assertThat(sessions.count()).isZero();
    try (LiveTarget next = Targets.ready("writer", 5, 16, 1000)) {
      ManagedSession second = attach(request(next, "b").withName("x"));
      assertThat(sessions.list(Peer.self())).containsExactly(second);
    }
    assertThat(watched.events)
        .startsWith("attached", "round 1", "ended TARGET_EXITED", "detached: the target is gone");
  }

  @Test
  void sessionsEndByThemselvesWhenTheirTimeIsOver() throws IOException {
    try (LiveTarget first = Targets.ready("writer", 6, 16, 1000);
        LiveTarget second = Targets.ready("writer", 7, 16, 1000)) {
      attach(request(first, "a").withDetachAfter(Duration.ofMillis(300)));
      attach(request(second, "b").withIdleTimeout(Duration.ofMillis(300)));
      Targets.await("both are gone", () -> sessions.list(Peer.self()).isEmpty());
      assertThat(watched.events)
          .contains("detached: its time is over", "detached: nobody asked anything of it");
    }
  }

  @Test
  void aFailedRoundLeavesTheSession() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 8, 16, 1000)) {
      ManagedSession session = attach(request(target, "a"));
      session.round();
      assertThatThrownBy(
              () ->
                  session.call(
                      s -> {
                        throw new IOException("on purpose");
                      }))
          .hasMessage("on purpose");
      assertThat(session.status().failure()).hasValue("on purpose");
      assertThat(session.round()).map(RoundRecord::round).hasValue(2);
      assertThat(session.status().failure()).isEmpty();
      assertThat(watched.events).contains("failed FAILURE on purpose");
    }
  }

  @Test
  void sessionsAndNamesAreBounded() throws IOException {
    try (Sessions few =
            new Sessions(
                SessionLimits.DEFAULT.withSessions(2), budget(), new AccessRules(), List.of());
        LiveTarget first = Targets.ready("writer", 9, 16, 1000);
        LiveTarget second = Targets.ready("writer", 10, 16, 1000);
        LiveTarget third = Targets.ready("writer", 11, 16, 1000)) {
      few.attach(Peer.self(), request(first, "a").withName("x"));
      assertThatThrownBy(() -> few.attach(Peer.self(), request(second, "b").withName("x")))
          .hasMessage("session s1 has that name already");
      few.attach(Peer.self(), request(second, "b"));
      assertThatThrownBy(() -> few.attach(Peer.self(), request(third, "c")))
          .hasMessage("too many sessions: at most 2");
      assertThatThrownBy(() -> few.find(Peer.self(), "y")).hasMessage("no such session");
      assertThatThrownBy(() -> request(third, "c").withName("s7"))
          .hasMessageStartingWith("not a name for a session");
    }
  }

  @Test
  void roundsAndTheirPhasesAreEventsOfTheFlightRecorder() throws IOException {
    Path file = directory.resolve("recording.jfr");
    try (Sessions recorded =
            new Sessions(
                SessionLimits.DEFAULT, budget(), new AccessRules(), List.of(new FlightRecorder()));
        LiveTarget target = Targets.ready("writer", 14, 16, 1000);
        Recording recording = new Recording()) {
      recording.start();
      RoundRecord round = recorded.attach(Peer.self(), request(target, "a")).round().orElseThrow();
      recording.stop();
      recording.dump(file);
      List<RecordedEvent> events =
          RecordingFile.readAllEvents(file).stream()
              .filter(e -> e.getEventType().getName().startsWith("io.predump."))
              .toList();
      assertThat(events)
          .filteredOn(e -> e.getEventType().getName().equals("io.predump.Round"))
          .singleElement()
          .satisfies(
              e -> {
                assertThat(e.getString("session")).isEqualTo("s1");
                assertThat(e.getLong("readBytes")).isEqualTo(round.bytes().read());
                assertThat(e.getDuration("totalMicros").toNanos())
                    .isEqualTo(1000 * round.totalMicros());
              });
      assertThat(events)
          .filteredOn(e -> e.getEventType().getName().equals("io.predump.Phase"))
          .extracting(e -> e.getString("phase"))
          .containsExactly("scan", "arm", "read", "compress", "write", "sync");
    }
  }

  @Test
  void closingAllLetsEveryTargetGo() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 12, 16, 1000)) {
      ManagedSession session = attach(request(target, "a").withRpo(Duration.ofSeconds(1)));
      Targets.await("a round of its own", () -> session.status().rounds() > 1);
      sessions.close();
      assertThat(session.status().state()).isEqualTo(SessionState.DETACHED);
      assertThat(watched.events).endsWith("detached: the daemon stops");
      assertThatThrownBy(() -> attach(request(target, "b"))).hasMessage("the daemon is stopping");
      Targets.awaitProgress(target);
    }
  }
}
