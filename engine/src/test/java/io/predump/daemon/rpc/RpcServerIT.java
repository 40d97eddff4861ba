package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.RpcCriu;
import io.predump.criu.RpcTypes;
import io.predump.criu.SelfChecking;
import io.predump.criu.StockCriu;
import io.predump.daemon.ManagedSession;
import io.predump.images.RawImages;
import io.predump.linux.Pid;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuPageServer;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** CRIU's RPC, spoken by a client that connects: what goes well, and requests that cannot be. */
@Timeout(120)
final class RpcServerIT {
  @TempDir Path directory;
  private ServedHere rpc;

  @BeforeEach
  void start() throws IOException {
    rpc = ServedHere.start(directory, StockCriu.program().path());
  }

  @AfterEach
  void stop() {
    rpc.close();
  }

  private static void assertWell(CriuResponse response) {
    assertThat(response.getSuccess()).as(response.toString()).isTrue();
  }

  @Test
  void theVersionIsTheRealCrius() throws IOException {
    try (RpcRequests client = rpc.connect()) {
      CriuResponse response = client.ask(RpcRequests.version());

      assertWell(response);
      assertThat(response.getVersion().getMajorNumber()).isEqualTo(StockCriu.program().major());
      assertThat(response.getVersion().getMinorNumber()).isEqualTo(StockCriu.program().minor());
      assertThat(client.isOver()).isTrue();
    }
  }

  @Test
  void aClientThatKeepsTheConnectionOpenAsksAgain() throws IOException {
    try (RpcRequests client = rpc.connect()) {
      assertWell(client.ask(RpcRequests.version().toBuilder().setKeepOpen(true).build()));
      assertWell(client.ask(RpcRequests.memTrack()));
      assertThat(client.isOver()).isTrue();
    }
  }

  @Test
  void memoryIsTrackedWhereTheRealCriuSaysThatItCannotBe() throws IOException {
    try (RpcRequests client = rpc.connect()) {
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
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertWell(rpc.preDump(target.pid(), "2", "../1"));

      assertWell(rpc.dump(target.pid(), "3", "../2", false));

      target.awaitGone();
      assertThat(directory.resolve("1/parent")).doesNotExist();
      assertThat(Files.readSymbolicLink(directory.resolve("2/parent"))).hasToString("../1");
      assertThat(Files.readSymbolicLink(directory.resolve("3/parent"))).hasToString("../2");
      assertThat(rpc.sessions().count()).isZero();
      assertThat(rpc.chains()).isEmptyDirectory();
      for (String name : List.of("1", "2", "3")) {
        assertPrivate(directory.resolve(name));
      }
      Restoring.restore(directory.resolve("3"));
      assertThat(target.check()).isEqualTo("right");
    }
  }

  private static void assertPrivate(Path images) throws IOException {
    int count = 0;
    try (var files = Files.newDirectoryStream(images, "*.img")) {
      for (Path file : files) {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
            .as(file.toString())
            .isEqualTo("rw-------");
        count++;
      }
    }
    assertThat(count).isGreaterThan(2);
  }

  @Test
  void aConnectionTakesPreDumpsAndThenTheDump() throws IOException {
    try (SelfChecking target = SelfChecking.start("8");
        RpcRequests client = rpc.connect()) {
      Path first = directory.resolve("1");
      assertWell(client.ask(client.about(RpcTypes.PRE_DUMP, target.pid(), first, o -> o)));
      UnaryOperator<CriuOptions.Builder> onFirst = options -> options.setParentImg("../1");
      Path second = directory.resolve("2");
      assertWell(client.ask(client.about(RpcTypes.PRE_DUMP, target.pid(), second, onFirst)));

      Path third = directory.resolve("3");
      assertWell(client.ask(client.about(RpcTypes.DUMP, target.pid(), third, onFirst)));

      assertThat(client.isOver()).isTrue();
      target.awaitGone();
      Restoring.restore(third);
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void whatWasNotWrittenSinceLiesInTheParentsAlone() throws IOException {
    try (SelfChecking target = SelfChecking.start("32", "quiet")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertWell(rpc.preDump(target.pid(), "2", "../1"));
      assertWell(rpc.preDump(target.pid(), "whole", ""));
      assertWell(rpc.dump(target.pid(), "3", "../2", false));

      assertThat(Restoring.bytesOfPages(directory.resolve("1"))).isGreaterThan(32L << 20);
      assertThat(Restoring.bytesOfPages(directory.resolve("2"))).isLessThan(1L << 20);
      assertThat(Restoring.bytesOfPages(directory.resolve("whole"))).isGreaterThan(32L << 20);
      assertThat(Restoring.bytesOfPages(directory.resolve("3"))).isLessThan(1L << 20);
      target.awaitGone();
      Restoring.restore(directory.resolve("3"));
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void aParentThatWasFilledAnewOrIsUnknownIsNotBuiltOn() throws IOException {
    try (SelfChecking target = SelfChecking.start("8", "quiet")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertWell(rpc.preDump(target.pid(), "2", "../1"));
      assertWell(rpc.preDump(target.pid(), "1", "../2"));
      Files.createDirectory(directory.resolve("foreign"));
      assertWell(rpc.preDump(target.pid(), "3", "../foreign"));

      assertThat(directory.resolve("1/parent"))
          .as("2 was built on what lay in 1 before")
          .doesNotExist();
      assertThat(Restoring.bytesOfPages(directory.resolve("1"))).isGreaterThan(8L << 20);
      assertThat(directory.resolve("3/parent")).doesNotExist();
      assertThat(Restoring.bytesOfPages(directory.resolve("3"))).isGreaterThan(8L << 20);
    }
  }

  @Test
  void aDumpWhoseGrandparentHoldsAnotherTreeIsRefused() throws IOException {
    try (SelfChecking target = SelfChecking.start("8");
        SelfChecking other = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertWell(rpc.preDump(target.pid(), "2", "../1"));
      assertWell(rpc.preDump(other.pid(), "1", ""));

      CriuResponse response = rpc.dump(target.pid(), "3", "../2", false);

      assertThat(response.getSuccess()).isFalse();
      assertThat(response.getCrErrmsg()).endsWith("filled here: dump without parent_img");
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void aParentThatIsFilledAnewWhileImagesAreWrittenIsNotLinkedTo() throws IOException {
    try (SelfChecking target = SelfChecking.start("8");
        RpcRequests client = rpc.connect();
        UnixSocket socket =
            UnixSocket.connect(
                rpc.socket().toString(), UnixSocket.Type.SEQPACKET, Deadline.NEVER)) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      ManagedSession session = rpc.sessions().find(target.pid()).orElseThrow();
      assertThat(session.round().orElseThrow().round()).isEqualTo(2);
      TrackedTree tree =
          new TrackedTree(session, 0, chain(), new Fillings(), ImageForm.RAW, new ReentrantLock());
      Path images = directory.resolve("2");
      CriuRequest onFirst =
          client.about(RpcTypes.PRE_DUMP, target.pid(), images, o -> o.setParentImg("../1"));

      try (CallerFiles files = CallerFiles.open(Caller.of(socket), onFirst.getOpts())) {
        assertThatThrownBy(
                () ->
                    files.fill(tree, OptionalInt.of(2), OptionalInt.of(1), RawImages.TakeOver.COPY))
            .hasMessage("parent_img=../1: no longer what a pre-dump has filled");
      }

      assertThat(images).isEmptyDirectory();
    }
  }

  /** Others take rounds of the same session between a client's round and its images. */
  @Test
  void aClientGetsItsOwnRoundAlthoughTheChainHoldsANewerOne() throws IOException {
    try (SelfChecking target = SelfChecking.start("8");
        RpcRequests client = rpc.connect();
        UnixSocket socket =
            UnixSocket.connect(
                rpc.socket().toString(), UnixSocket.Type.SEQPACKET, Deadline.NEVER)) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      ManagedSession session = rpc.sessions().find(target.pid()).orElseThrow();
      assertThat(session.round().orElseThrow().round()).isEqualTo(2);
      TrackedTree tree =
          new TrackedTree(session, 0, chain(), new Fillings(), ImageForm.RAW, new ReentrantLock());
      CriuRequest again =
          client.about(RpcTypes.PRE_DUMP, target.pid(), directory.resolve("again"), o -> o);

      try (CallerFiles files = CallerFiles.open(Caller.of(socket), again.getOpts())) {
        files.fill(tree, OptionalInt.of(1), OptionalInt.empty(), RawImages.TakeOver.COPY);
      }

      assertThat(directory.resolve("again/pages-1.img"))
          .hasSameBinaryContentAs(directory.resolve("1/pages-1.img"));
    }
  }

  private Path chain() throws IOException {
    try (Stream<Path> chains = Files.list(rpc.chains())) {
      return chains.findFirst().orElseThrow();
    }
  }

  @Test
  void aClientThatDoesNotWaitForItsAnswerHarmsNobody() throws IOException {
    try (SelfChecking target = SelfChecking.start("8")) {
      List<RpcRequests> impatient = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        RpcRequests client = rpc.connect();
        impatient.add(client);
        Path images = directory.resolve("impatient" + i);
        client.send(client.about(RpcTypes.PRE_DUMP, target.pid(), images, options -> options));
      }
      impatient.forEach(RpcRequests::hangUp);

      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertWell(rpc.dump(target.pid(), "2", "../1", false));
      target.awaitGone();
      Restoring.restore(directory.resolve("2"));
      assertThat(target.check()).isEqualTo("right");
      impatient.forEach(RpcRequests::close);
    }
  }

  @Test
  void aProcessThatIsNotThereIsSaidSo() throws IOException {
    CriuResponse response = rpc.ask(RpcTypes.PRE_DUMP, new Pid(4_194_303), "1", options -> options);

    assertThat(response.getType()).isEqualTo(RpcTypes.PRE_DUMP);
    assertThat(response.getSuccess()).isFalse();
    assertThat(response.getCrErrno()).isEqualTo(3);
    assertThat(response.getCrErrmsg()).isEqualTo("no process with pid=4194303");
    assertThat(Files.readString(directory.resolve("1/dump.log")))
        .isEqualTo(
            """
            predump: pre-dump of pid 4194303
            Error (predump): no process with pid=4194303
            """);
  }

  @Test
  void aClientForWhomThereIsNoThreadIsHungUpOnAndTheNextIsServed() throws IOException {
    AtomicInteger threads = new AtomicInteger();
    Path own = Files.createDirectory(directory.resolve("own"));
    try (ServedHere served =
        ServedHere.start(
            own,
            StockCriu.program().path(),
            task -> threads.getAndIncrement() == 0 ? new Unstartable() : new Thread(task))) {
      try (RpcRequests client = served.connect()) {
        assertThat(client.isOver()).isTrue();
      }
      try (RpcRequests client = served.connect()) {
        assertWell(client.ask(RpcRequests.version()));
      }
    }
  }

  private static final class Unstartable extends Thread {
    @Override
    public synchronized void start() {
      throw new OutOfMemoryError("unable to create native thread");
    }
  }

  @Test
  void requestsThatCannotBeAreAnswered() throws IOException {
    Map<String, UnaryOperator<CriuOptions.Builder>> wrong =
        Map.of(
            "pid=-5: not a pid", options -> options.setPid(-5),
            "neither images_dir_fd nor images_dir", options -> options.setImagesDirFd(-1),
            "log_file=../log: not a name alone", options -> options.setLogFile("../log"),
            "parent_img=/tmp: relative to the images directory, not /",
                options -> options.setParentImg("/tmp"),
            "EBADF", options -> options.setImagesDirFd(1_000_000));
    for (Map.Entry<String, UnaryOperator<CriuOptions.Builder>> each : wrong.entrySet()) {
      CriuResponse response = rpc.ask(RpcTypes.PRE_DUMP, Pid.self(), "1", each.getValue());

      assertThat(response.getSuccess()).isFalse();
      assertThat(response.getCrErrno()).isNotZero();
      assertThat(response.getCrErrmsg()).contains(each.getKey());
    }
    try (RpcRequests client = rpc.connect()) {
      client.sendBytes(new byte[] {1, 2, 3});
      CriuResponse response = client.receive();
      assertThat(response.getSuccess()).isFalse();
      assertThat(response.getCrErrmsg()).startsWith("not a request of CRIU's RPC: ");
    }
  }

  @Test
  void aPreDumpThatOnlySoftDirtyBitsAllowIsRefusedAndTheTargetUntouched() throws IOException {
    List<UnaryOperator<CriuOptions.Builder>> kinds =
        List.of(
            options -> options.setPs(CriuPageServer.newBuilder().setAddress("::1").setPort(9)),
            options -> options.setLazyPages(true),
            CriuOptions.Builder::clearPid);
    try (SelfChecking target = SelfChecking.start("8")) {
      Path maps = Path.of(target.pid().procPath("maps"));
      long before = Files.readAllLines(maps).size();
      for (int type : new int[] {RpcTypes.PRE_DUMP, RpcTypes.SINGLE_PRE_DUMP}) {
        for (UnaryOperator<CriuOptions.Builder> kind : kinds) {
          CriuResponse response = rpc.ask(type, target.pid(), "1", kind);

          assertThat(response.getType()).isEqualTo(type);
          assertThat(response.getSuccess()).isFalse();
          assertThat(response.getCrErrno()).isEqualTo(95);
          assertThat(response.getCrErrmsg())
              .isEqualTo(
                  "a pre-dump to a page server, with lazy_pages or without a pid needs soft-dirty"
                      + " bits, which this kernel lacks, or a parent that is not ours: have it put"
                      + " into files");
        }
      }
      assertThat(Files.readAllLines(maps)).hasSize((int) before);
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void aRestoreThatOnlyAChildOfTheClientCouldDoIsRefused() throws IOException {
    CriuResponse response =
        rpc.ask(RpcTypes.RESTORE, Pid.self(), "1", options -> options.setRstSibling(true));

    assertThat(response.getSuccess()).isFalse();
    assertThat(response.getCrErrmsg()).contains("the client's own child");
  }
}
