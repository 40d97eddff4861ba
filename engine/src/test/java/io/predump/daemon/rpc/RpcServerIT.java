package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.RpcCriu;
import io.predump.criu.RpcTypes;
import io.predump.criu.SelfChecking;
import io.predump.criu.StockCriu;
import io.predump.daemon.AccessRules;
import io.predump.daemon.SessionLimits;
import io.predump.daemon.Sessions;
import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** CRIU's RPC, spoken by a client that connects. */
@Timeout(120)
final class RpcServerIT {
  @TempDir Path directory;
  private final Sessions sessions =
      new Sessions(
          SessionLimits.DEFAULT,
          new CopyBudget(2, 1, CopyLimits.NONE),
          new AccessRules(),
          List.of());
  private Path socket = Path.of("");
  private RpcService service;
  private CriuRpcServer server;

  @BeforeEach
  void startServer() throws IOException {
    socket = directory.resolve("criu.sock");
    service =
        RpcService.begin(
            sessions,
            SessionOptions.defaults("test").withThreads(1),
            directory.resolve("chains"),
            Optional.of(StockCriu.program().path()));
    server = CriuRpcServer.start(service, socket);
  }

  @AfterEach
  void stopServer() {
    server.close();
    sessions.close();
    service.close();
  }

  private RpcRequests connect() throws IOException {
    return RpcRequests.connect(socket);
  }

  private CriuResponse preDump(SelfChecking target, String name, String parent) throws IOException {
    try (RpcRequests client = connect()) {
      return client.ask(
          client.about(
              RpcTypes.SINGLE_PRE_DUMP,
              target.pid(),
              directory.resolve(name),
              options -> parent.isEmpty() ? options : options.setParentImg(parent)));
    }
  }

  private CriuResponse dump(SelfChecking target, String name, String parent, boolean running)
      throws IOException {
    try (RpcRequests client = connect()) {
      return client.ask(
          client.about(
              RpcTypes.DUMP,
              target.pid(),
              directory.resolve(name),
              options -> options.setParentImg(parent).setTrackMem(true).setLeaveRunning(running)));
    }
  }

  private String log(String name) throws IOException {
    return Files.readString(directory.resolve(name).resolve("dump.log"));
  }

  private void restore(String name) throws IOException {
    Path images = directory.resolve(name);
    Process criu =
        new ProcessBuilder(
                StockCriu.program().path().toString(),
                "restore",
                "-d",
                "-D",
                images.toString(),
                "-o",
                "restore.log")
            .redirectErrorStream(true)
            .start();
    criu.getOutputStream().close();
    String printed = new String(criu.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(criu.onExit().join().exitValue()).as(printed).isZero();
  }

  @Test
  void theVersionIsTheRealCrius() throws IOException {
    try (RpcRequests client = connect()) {
      CriuResponse response = client.ask(RpcRequests.version());

      assertThat(response.getSuccess()).isTrue();
      assertThat(response.getVersion().getMajorNumber()).isEqualTo(StockCriu.program().major());
      assertThat(response.getVersion().getMinorNumber()).isEqualTo(StockCriu.program().minor());
      assertThat(client.isOver()).isTrue();
    }
  }

  @Test
  void memoryIsTrackedWhereTheRealCriuSaysThatItCannotBe() throws IOException {
    try (RpcRequests client = connect()) {
      assertThat(client.ask(RpcRequests.memTrack()).getFeatures().getMemTrack()).isTrue();
    }
    try (RpcCriu real = RpcCriu.start(StockCriu.program())) {
      real.send(RpcRequests.memTrack());
      assertThat(real.receive().orElseThrow().getFeatures().getMemTrack())
          .as("the control: this kernel has no soft-dirty bits")
          .isFalse();
    }
  }

  @Test
  void aDumpOnAChainOfPreDumpsIsRestoredByStockCriu() throws IOException {
    try (SelfChecking target = SelfChecking.start("32", "ring")) {
      assertThat(preDump(target, "1", "").getSuccess()).isTrue();
      assertThat(preDump(target, "2", "../1").getSuccess()).isTrue();

      CriuResponse dumped = dump(target, "3", "../2", false);

      assertThat(dumped.getSuccess()).as(dumped.toString()).isTrue();
      target.awaitGone();
      assertThat(Files.exists(directory.resolve("1/parent"))).isFalse();
      assertThat(Files.readSymbolicLink(directory.resolve("2/parent"))).hasToString("../1");
      assertThat(Files.readSymbolicLink(directory.resolve("3/parent"))).hasToString("../2");
      assertThat(sessions.count()).isZero();
      assertThat(directory.resolve("chains")).isEmptyDirectory();

      restore("3");
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void whatWasNotWrittenSinceLiesInTheParentsAlone() throws IOException {
    try (SelfChecking target = SelfChecking.start("32", "quiet")) {
      assertThat(preDump(target, "1", "").getSuccess()).isTrue();
      assertThat(preDump(target, "2", "../1").getSuccess()).isTrue();
      assertThat(preDump(target, "whole", "").getSuccess()).isTrue();
      assertThat(dump(target, "3", "../2", false).getSuccess()).isTrue();

      assertThat(bytesOfPages("1")).isGreaterThan(32L << 20);
      assertThat(bytesOfPages("2")).isLessThan(1L << 20);
      assertThat(bytesOfPages("whole")).isGreaterThan(32L << 20);
      assertThat(bytesOfPages("3")).isLessThan(1L << 20);
      target.awaitGone();
      restore("3");
      assertThat(target.check()).isEqualTo("right");
    }
  }

  private long bytesOfPages(String name) throws IOException {
    try (var files = Files.newDirectoryStream(directory.resolve(name), "pages-*.img")) {
      long bytes = 0;
      for (Path file : files) {
        bytes += Files.size(file);
      }
      return bytes;
    }
  }

  private static Pid none() {
    return new Pid(4_194_303);
  }

  @Test
  void aProcessThatIsNotThereIsSaidSo() throws IOException {
    try (RpcRequests client = connect()) {
      CriuResponse response =
          client.ask(
              client.about(RpcTypes.PRE_DUMP, none(), directory.resolve("1"), options -> options));

      assertThat(response.getType()).isEqualTo(RpcTypes.PRE_DUMP);
      assertThat(response.getSuccess()).isFalse();
      assertThat(response.getCrErrno()).isEqualTo(3);
      assertThat(response.getCrErrmsg()).isEqualTo("no process with pid=4194303");
      assertThat(log("1"))
          .isEqualTo(
              """
              predump: pre-dump of pid 4194303
              Error (predump): no process with pid=4194303
              """);
      assertThat(client.isOver()).isTrue();
    }
  }
}
