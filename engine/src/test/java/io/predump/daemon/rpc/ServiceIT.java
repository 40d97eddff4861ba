package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.CriuProgram;
import io.predump.criu.RpcCriu;
import io.predump.criu.RpcTypes;
import io.predump.criu.SelfChecking;
import io.predump.criu.StockCriu;
import io.predump.linux.Fd;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** CRIU's RPC by processes of their own: service, swrk, and the stand-in for criu. */
@Timeout(120)
final class ServiceIT {
  private static final Path STAND_IN = Path.of("target/launcher/criu").toAbsolutePath();
  private static final Duration PATIENCE = Slowness.times(Duration.ofSeconds(30));

  @TempDir Path directory;
  private final List<Fd> directories = new ArrayList<>();

  @AfterEach
  void closeDirectories() {
    directories.forEach(Fd::close);
  }

  private CriuRequest about(int type, Pid target, String name, String parent) throws IOException {
    Path images = Files.createDirectories(directory.resolve(name));
    Fd opened = Fd.openDirectory(images.toString());
    directories.add(opened);
    CriuOptions.Builder options =
        CriuOptions.newBuilder()
            .setImagesDirFd(opened.number())
            .setPid(target.number())
            .setLogFile("dump.log");
    if (!parent.isEmpty()) {
      options.setParentImg(parent).setTrackMem(true);
    }
    return CriuRequest.newBuilder().setType(type).setOpts(options).build();
  }

  /** Calls a program as runtimes call criu: {@code PROGRAM swrk FD}, one request. */
  private static CriuResponse ask(Path program, CriuRequest request) throws IOException {
    try (RpcCriu called = RpcCriu.start(new CriuProgram(program, 4, 2, 1))) {
      called.send(request);
      return called.receive().orElseThrow();
    }
  }

  private static void assertWell(CriuResponse response) {
    assertThat(response.getSuccess()).as(response.toString()).isTrue();
  }

  /** The stand-in with an environment of its own. */
  private Path standIn(String environment) throws IOException {
    return PredumpProgram.shell(
        directory.resolve("stand-in"),
        "#!/bin/sh\n" + environment + "\nexec '" + STAND_IN + "' \"$@\"\n");
  }

  private Path socket() {
    return directory.resolve("criu.sock");
  }

  @Test
  void theStandInStartsADaemonThatEndsWhenIdle() throws IOException {
    try (PredumpProgram service =
            PredumpProgram.write(
                directory.resolve("predump"),
                "service --address \"$3\" --idle 2s --state-dir '"
                    + directory.resolve("state")
                    + "'");
        SelfChecking target = SelfChecking.start("8")) {
      Path criu =
          standIn(
              "export PREDUMP_CRIU='"
                  + StockCriu.program().path()
                  + "' PREDUMP_CRIU_SOCKET='"
                  + socket()
                  + "' PREDUMP='"
                  + service.script()
                  + "'");
      assertWell(ask(criu, RpcRequests.version()));
      assertThat(service.wasStarted()).as("a version needs no daemon").isFalse();

      assertThat(ask(criu, RpcRequests.memTrack()).getFeatures().getMemTrack()).isTrue();
      assertThat(service.wasStarted()).isTrue();
      assertWell(ask(criu, about(RpcTypes.PRE_DUMP, target.pid(), "1", "")));
      assertWell(ask(criu, about(RpcTypes.DUMP, target.pid(), "2", "../1")));
      target.awaitGone();
      Restoring.restore(directory.resolve("2"));
      assertThat(target.check()).isEqualTo("right");

      service.awaitEnd();
      assertThat(socket()).doesNotExist();
    }
  }

  @Test
  void withoutADaemonAPreDumpIsRefusedAndADumpIsTheRealCrius() throws IOException {
    try (SelfChecking target = SelfChecking.start("8")) {
      Path criu =
          standIn(
              "export PREDUMP_CRIU='"
                  + StockCriu.program().path()
                  + "' PREDUMP_CRIU_SOCKET='"
                  + socket()
                  + "' PREDUMP=false");

      CriuResponse preDump = ask(criu, about(RpcTypes.PRE_DUMP, target.pid(), "1", ""));

      assertThat(preDump.getType()).isEqualTo(RpcTypes.PRE_DUMP);
      assertThat(preDump.getSuccess()).isFalse();
      assertThat(preDump.getCrErrno()).isEqualTo(111);
      assertThat(preDump.getCrErrmsg())
          .isEqualTo("predump: no daemon takes the pre-dump, and none could be started");
      assertThat(ask(criu, RpcRequests.memTrack()).getFeatures().getMemTrack()).isFalse();
      Files.writeString(directory.resolve("1/predump-round"), "of a daemon that is gone");
      CriuResponse dump = ask(criu, about(RpcTypes.DUMP, target.pid(), "2", "../1"));
      assertThat(dump.getType()).isEqualTo(RpcTypes.DUMP);
      assertThat(dump.getSuccess()).isFalse();
      assertThat(dump.getCrErrmsg())
          .isEqualTo(
              "predump: no daemon knows what has been written since parent_img: dump without"
                  + " parent_img");
      assertThat(target.check()).isEqualTo("right");
      assertWell(ask(criu, about(RpcTypes.DUMP, target.pid(), "2", "")));
      target.awaitGone();
    }
  }

  @Test
  void theStandInNeverFindsItself() throws IOException {
    Path copy = directory.resolve("bin/criu");
    Files.createDirectories(copy.getParent());
    Files.copy(STAND_IN, copy, StandardCopyOption.COPY_ATTRIBUTES);
    Path path =
        PredumpProgram.shell(
            directory.resolve("by-path"),
            "#!/bin/sh\nunset PREDUMP_CRIU\nPATH='"
                + copy.getParent()
                + ":"
                + STAND_IN.getParent()
                + ":"
                + StockCriu.program().path().getParent()
                + "':$PATH exec criu \"$@\"\n");
    CriuResponse response = ask(path, RpcRequests.version());

    assertWell(response);
    assertThat(response.getVersion().getMinorNumber()).isEqualTo(StockCriu.program().minor());
  }

  @Test
  void swrkServesPreDumpsAndTheDumpOnOneSocket() throws IOException {
    try (PredumpProgram predump = PredumpProgram.write(directory.resolve("predump"), "\"$@\"");
        SelfChecking target = SelfChecking.start("8");
        RpcCriu called = RpcCriu.start(new CriuProgram(predump.script(), 4, 2, 1))) {
      for (String name : List.of("1", "2")) {
        called.send(about(RpcTypes.PRE_DUMP, target.pid(), name, name.equals("1") ? "" : "../1"));
        assertWell(called.receive().orElseThrow());
      }
      called.send(about(RpcTypes.DUMP, target.pid(), "3", "../2"));
      assertWell(called.receive().orElseThrow());

      assertThat(called.awaitEnd()).isZero();
      target.awaitGone();
      Restoring.restore(directory.resolve("3"));
      assertThat(target.check()).isEqualTo("right");
    }
  }

  private Process serve(PredumpProgram predump) throws IOException {
    return serve(predump, "service", "--address", socket().toString());
  }

  private Process serve(PredumpProgram predump, String... how) throws IOException {
    List<String> command = new ArrayList<>(List.of(predump.script().toString()));
    command.addAll(List.of(how));
    command.addAll(List.of("--state-dir", directory.resolve("state").toString()));
    Process service = new ProcessBuilder(command).inheritIO().start();
    long start = System.nanoTime();
    while (!answers()) {
      if (!service.isAlive() || System.nanoTime() - start > PATIENCE.toNanos()) {
        throw new IOException("the service does not listen");
      }
      LiveTarget.pause(20);
    }
    return service;
  }

  /** Not all that is there listens already. */
  private boolean answers() throws IOException {
    try (RpcRequests client = RpcRequests.connect(socket())) {
      return client.ask(RpcRequests.version()).getSuccess();
    } catch (SyscallException e) {
      return false;
    }
  }

  /** Asks for a dump and answers its stages until that one, which waits for its answer. */
  private void dumpUntil(RpcRequests client, SelfChecking target, String stage) throws IOException {
    assertWell(client.ask(about(RpcTypes.PRE_DUMP, target.pid(), "1", "")));
    CriuRequest dump = about(RpcTypes.DUMP, target.pid(), "2", "../1");
    client.send(
        dump.toBuilder().setOpts(dump.getOpts().toBuilder().setNotifyScripts(true)).build());
    while (!client.receive().getNotify().getScript().equals(stage)) {
      client.send(RpcTypes.answer(true));
    }
  }

  private static void assertRunsOn(SelfChecking target) throws IOException {
    long writes = target.writes();
    LiveTarget.pause(100);
    assertThat(target.writes()).isGreaterThan(writes);
    assertThat(target.check()).isEqualTo("right");
  }

  @Test
  void aDaemonServesItToo() throws IOException {
    try (PredumpProgram predump = PredumpProgram.write(directory.resolve("predump"), "\"$@\"");
        SelfChecking target = SelfChecking.start("8")) {
      String control = directory.resolve("control.sock").toString();
      String own = socket().toString();
      Process daemon = serve(predump, "daemon", "--socket", control, "--criu-socket", own);
      try (RpcRequests client = RpcRequests.connect(socket())) {
        assertWell(client.ask(about(RpcTypes.PRE_DUMP, target.pid(), "1", "")));
        assertWell(client.ask(about(RpcTypes.DUMP, target.pid(), "2", "../1")));
      }
      target.awaitGone();
      Restoring.restore(directory.resolve("2"));
      assertThat(target.check()).isEqualTo("right");

      predump.close();
      assertThat(daemon.onExit().join().exitValue()).as("by SIGTERM").isEqualTo(143);
      assertThat(socket()).doesNotExist();
    }
  }

  @Test
  void aServiceThatIsKilledWhileItHoldsTheTreeLetsItGo() throws IOException {
    try (PredumpProgram predump = PredumpProgram.write(directory.resolve("predump"), "\"$@\"");
        SelfChecking target = SelfChecking.start("8")) {
      Process service = serve(predump);
      try (RpcRequests client = RpcRequests.connect(socket())) {
        dumpUntil(client, target, "post-dump");
        assertThat(state(target)).as("it stands still").isEqualTo('t');

        predump.kill();

        assertThat(service.onExit().join().exitValue()).isNotZero();
        assertThat(client.isOver()).isTrue();
      }
      assertRunsOn(target);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 10, 30, 60})
  void aServiceThatIsKilledWhileCriuWorksOnTheTreeLetsItGo(int millis) throws IOException {
    try (PredumpProgram predump = PredumpProgram.write(directory.resolve("predump"), "\"$@\"");
        SelfChecking target = SelfChecking.start("8")) {
      Process service = serve(predump);
      try (RpcRequests client = RpcRequests.connect(socket())) {
        dumpUntil(client, target, "pre-dump");
        client.send(RpcTypes.answer(true));
        LiveTarget.pause(millis);

        predump.kill();
        assertThat(service.onExit().join().exitValue()).isNotZero();
      }
      assertRunsOn(target);
    }
  }

  /** Each beside the same without what makes it a stranger. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "unshare --pid --fork --mount-proc",
        "setpriv --reuid 65534 --regid 65534 --clear-groups"
      })
  void aStrangerIsNotServed(String stranger) throws IOException {
    Path standIn = Files.copy(STAND_IN, directory.resolve("copy"));
    try (ServedHere rpc = ServedHere.start(directory, StockCriu.program().path())) {
      for (Path open : List.of(directory, standIn)) {
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
      Files.setPosixFilePermissions(rpc.socket(), PosixFilePermissions.fromString("rw-rw-rw-"));
      String environment =
          "env PREDUMP=false PREDUMP_CRIU=/bin/false PREDUMP_CRIU_SOCKET='" + rpc.socket() + "' ";
      String handOver = environment + "'" + standIn + "' \"$@\"\n";
      Path known = PredumpProgram.shell(directory.resolve("known"), "#!/bin/sh\n" + handOver);
      Path strange =
          PredumpProgram.shell(
              directory.resolve("strange"), "#!/bin/sh\n" + stranger + " " + handOver);

      assertWell(ask(known, RpcRequests.memTrack()));
      assertThatThrownBy(() -> ask(strange, RpcRequests.memTrack()))
          .as("it is hung up on")
          .isInstanceOfAny(IOException.class, NoSuchElementException.class);
      assertWell(ask(known, RpcRequests.memTrack()));
    }
  }

  private static char state(SelfChecking target) throws IOException {
    String stat = Files.readString(Path.of(target.pid().procPath("stat")));
    return stat.charAt(stat.lastIndexOf(')') + 2);
  }
}
