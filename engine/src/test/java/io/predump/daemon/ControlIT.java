package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.DumpOptions;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import io.predump.engine.SessionOptions;
import io.predump.engine.StopReason;
import io.predump.engine.Targets;
import io.predump.engine.VerifyResult;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.net.UnixSocket;
import io.predump.linux.testkit.LiveTarget;
import io.predump.proto.control.Event;
import io.predump.proto.control.Hello;
import io.predump.proto.control.ProbeCall;
import io.predump.proto.control.ProbeReport;
import io.predump.proto.control.Request;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The protocol, between a client and a server. */
@Timeout(120)
final class ControlIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("client").withThreads(1);

  @TempDir Path directory;
  private TestServer server;

  @BeforeEach
  void start() throws IOException {
    server = TestServer.start(directory, ServerLimits.DEFAULT);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private AttachRequest request(LiveTarget target) {
    return AttachRequest.of(target.pid(), directory.resolve("images"), OPTIONS);
  }

  @Test
  void aSessionIsUsedFromAttachToFinish() throws Exception {
    try (LiveTarget target = Targets.ready("writer", 21, 16, 1000);
        ControlClient client = server.client();
        ControlClient other = server.client()) {
      SessionStatus attached = client.attach(request(target).withName("redis"));
      assertThat(attached.state()).isEqualTo(SessionState.IDLE);
      assertThat(attached.pid()).isEqualTo(target.pid());
      assertThat(attached.name()).hasValue("redis");
      assertThat(attached.tracker()).isNotEmpty();
      Watched seen = new Watched();
      CompletableFuture<SessionStatus> watching =
          CompletableFuture.supplyAsync(() -> watch(other, seen));
      Targets.await("it is watched", () -> !server.sessions.list(Peer.self()).isEmpty());
      LiveTarget.pause(300);

      Watched told = new Watched();
      LoopOptions three =
          new LoopOptions(3, Duration.ZERO, Optional.empty(), FinalMode.NONE, false);
      ControlClient.Done rounds = client.rounds("redis", three, told);
      assertThat(rounds.result().rounds()).extracting(RoundRecord::round).containsExactly(1, 2, 3);
      assertThat(rounds.result().stopReason()).isEqualTo(StopReason.ROUND_LIMIT);
      assertThat(rounds.imagesDir()).isEqualTo(directory.resolve("images"));
      assertThat(told.events).containsExactly("round 1", "round 2", "round 3");
      SessionStatus status = client.status("s1");
      assertThat(status.last()).hasValue(rounds.result().rounds().get(2));
      assertThat(client.list()).extracting(SessionStatus::id).containsExactly("s1");
      assertThat(client.verify("s1").problems()).isEmpty();
      assertThat(client.verify("s1").rounds()).isEqualTo(3);

      ControlClient.Done end =
          client.finish("redis", FinishRequest.of(FinalMode.FREEZE, true), told);
      assertThat(end.result().verify()).map(VerifyResult::different).hasValue(0L);
      assertThat(end.result().freeze()).isPresent();
      assertThat(end.result().rounds()).hasSize(4);
      assertThat(watching.get(20, TimeUnit.SECONDS).state()).isEqualTo(SessionState.DETACHED);
      assertThat(seen.events).containsExactly("round 1", "round 2", "round 3", "thawed", "round 4");
      assertThat(client.list()).isEmpty();
    }
  }

  private static SessionStatus watch(ControlClient client, Watched seen) {
    try {
      return client.watch("redis", seen);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatIsRefusedSaysWhyAndTheConnectionGoesOn() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 22, 16, 1000);
        ControlClient client = server.client()) {
      refused(ErrorCode.USAGE, "no such session", () -> client.status("s9"));
      Pid nobody = new Pid((1 << 22) + 1);
      refused(
          ErrorCode.USAGE,
          "no process with pid=" + nobody,
          () -> client.attach(AttachRequest.of(nobody, directory.resolve("x"), OPTIONS)));
      String id = client.attach(request(target)).id();
      assertThatThrownBy(() -> client.attach(request(target)))
          .isInstanceOfSatisfying(
              DaemonException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.LACKING))
          .hasMessageEndingWith(" is in session " + id + " (pid=" + target.pid() + ") already");
      FinishRequest whole =
          new FinishRequest(
              FinalMode.CRIU, false, Optional.of(Path.of("/nowhere")), DumpOptions.DEFAULT);
      assertThatThrownBy(() -> client.finish(id, whole, new Watched()))
          .isInstanceOf(DaemonException.class)
          .hasMessageContaining("/nowhere");
      assertThat(client.status(id).state()).as("it goes on").isEqualTo(SessionState.IDLE);
      assertThat(client.detach(id).state()).isEqualTo(SessionState.DETACHED);
      assertThat(client.list()).isEmpty();
      Targets.awaitProgress(target);
    }
  }

  private interface Call {
    void make() throws IOException;
  }

  private static void refused(ErrorCode code, String message, Call call) {
    assertThatThrownBy(call::make)
        .isInstanceOfSatisfying(
            DaemonException.class, e -> assertThat(e.code()).as(message).isEqualTo(code))
        .hasMessage(message);
  }

  @Test
  void aClientOfAnotherVersionIsToldSo() throws IOException {
    try (UnixSocket raw = server.raw()) {
      MessageChannel channel = new MessageChannel(raw, 1 << 16, Duration.ofSeconds(5));
      channel.write(Hello.newBuilder().setVersion(7).build(), TestServer.soon());
      Hello answer = channel.read(Hello.parser(), TestServer.soon()).orElseThrow();
      assertThat(answer.getVersion()).isEqualTo(1);
      assertThat(answer.getFailure().getMessage())
          .isEqualTo("version 7 of the protocol: this is 1");
      assertThat(channel.read(Hello.parser(), TestServer.soon())).isEmpty();
    }
  }

  @Test
  void aProbeNeedsNoSessionAndMakesNone() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 23, 16, 1000);
        UnixSocket raw = server.raw()) {
      MessageChannel channel = new MessageChannel(raw, 1 << 20, Duration.ofSeconds(5));
      channel.write(Hello.newBuilder().setVersion(1).build(), TestServer.soon());
      channel.read(Hello.parser(), TestServer.soon()).orElseThrow();
      ProbeReport report =
          probe(channel, ProbeCall.newBuilder().setDurationMicros(400_000), target).getProbe();
      assertThat(report.getWindowsCount()).isEqualTo(2);
      assertThat(report.getMemoryBytes()).isGreaterThan(1 << 20);
      assertThat(report.getOutlook().getRounds()).isPositive();
      assertThat(server.sessions.list(Peer.self())).isEmpty();
      Event tooLong = probe(channel, ProbeCall.newBuilder().setDurationMicros(61_000_000), target);
      assertThat(tooLong.getFailure().getMessage())
          .isEqualTo("duration: at most a minute in a request");
      server.sessions.attach(Peer.self(), request(target));
      assertThat(probe(channel, ProbeCall.newBuilder(), target).getFailure().getMessage())
          .contains("is in session s1");
    }
  }

  private static Event probe(MessageChannel channel, ProbeCall.Builder call, LiveTarget target)
      throws IOException {
    channel.write(
        Request.newBuilder().setProbe(call.setPid(target.pid().number())).build(),
        TestServer.soon());
    return channel.read(Event.parser(), TestServer.soon()).orElseThrow();
  }

  @Test
  void aSecondServerDoesNotTakeTheSocketOfALivingOne() throws IOException {
    assertThatThrownBy(() -> TestServer.start(directory, ServerLimits.DEFAULT))
        .hasMessage(server.socket + ": another daemon listens there");
    server.close();
    assertThat(server.socket).doesNotExist();
    assertThatThrownBy(() -> server.client())
        .hasMessage(server.socket + ": no daemon listens there: start predump daemon");
    UnixSocket.listen(server.socket.toString(), UnixSocket.Type.STREAM, 1).close();
    server = TestServer.start(directory, ServerLimits.DEFAULT);
    try (ControlClient client = server.client()) {
      assertThat(client.list()).as("a socket that was left is replaced").isEqualTo(List.of());
    }
  }
}
