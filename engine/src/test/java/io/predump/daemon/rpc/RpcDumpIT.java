package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.RpcTypes;
import io.predump.criu.SelfChecking;
import io.predump.criu.StockCriu;
import io.predump.engine.Mounted;
import io.predump.linux.testkit.LiveTarget;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A DUMP that fails at any step leaves the tree running, and the session as it was: the next one
 * works.
 */
@Timeout(120)
final class RpcDumpIT {
  @TempDir Path directory;

  private ServedHere serve() throws IOException {
    return ServedHere.start(directory, StockCriu.program().path());
  }

  private static void assertWell(CriuResponse response) {
    assertThat(response.getSuccess()).as(response.toString()).isTrue();
  }

  private static void assertRunsOn(SelfChecking target) throws IOException {
    assertThat(target.isAlive()).isTrue();
    long writes = target.writes();
    LiveTarget.pause(100);
    assertThat(target.writes()).isGreaterThan(writes);
    assertThat(target.check()).isEqualTo("right");
  }

  /** The tree ends by the next dump, which is restored. */
  private void assertNextDumpWorks(ServedHere rpc, SelfChecking target) throws IOException {
    assertWell(rpc.dump(target.pid(), "next", "../1", false));
    target.awaitGone();
    Restoring.restore(directory.resolve("next"));
    assertThat(target.check()).isEqualTo("right");
  }

  private CriuRequest withStages(RpcRequests client, SelfChecking target, boolean leaveRunning)
      throws IOException {
    return client.about(
        RpcTypes.DUMP,
        target.pid(),
        directory.resolve("2"),
        options ->
            options
                .setParentImg("../1")
                .setTrackMem(true)
                .setNotifyScripts(true)
                .setLeaveRunning(leaveRunning));
  }

  /** Answers the stages up to post-dump. */
  private static List<String> untilPostDump(RpcRequests client) throws IOException {
    List<String> stages = new ArrayList<>();
    while (true) {
      CriuResponse message = client.receive();
      assertThat(message.getType()).as(message.toString()).isEqualTo(RpcTypes.NOTIFY);
      stages.add(message.getNotify().getScript());
      if (stages.contains("post-dump")) {
        return stages;
      }
      client.send(RpcTypes.answer(true));
    }
  }

  @Test
  void aTreeThatIsLeftRunningCanBeDumpedAgain() throws IOException {
    try (ServedHere rpc = serve();
        SelfChecking target = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertWell(rpc.dump(target.pid(), "2", "../1", true));
      assertThat(directory.resolve("2/inventory.img")).exists();
      assertRunsOn(target);

      assertWell(rpc.dump(target.pid(), "3", "../2", false));
      target.awaitGone();
      Restoring.restore(directory.resolve("3"));
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void aClientHearsOfTheStagesAndTheImagesAreCompleteAtPostDump() throws IOException {
    try (ServedHere rpc = serve();
        SelfChecking target = SelfChecking.start("8");
        RpcRequests client = rpc.connect()) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      client.send(withStages(client, target, false));

      assertThat(untilPostDump(client)).startsWith("pre-dump");
      assertThat(directory.resolve("2/inventory.img")).exists();
      client.send(RpcTypes.answer(true));

      CriuResponse last = client.receive();
      assertThat(last.getType()).isEqualTo(RpcTypes.DUMP);
      assertWell(last);
      target.awaitGone();
      Restoring.restore(directory.resolve("2"));
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void aClientThatSaysNoAtPostDumpKeepsItsTree() throws IOException {
    try (ServedHere rpc = serve();
        SelfChecking target = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      try (RpcRequests client = rpc.connect()) {
        client.send(withStages(client, target, false));
        untilPostDump(client);
        client.send(RpcTypes.answer(false));
        CriuResponse last = client.receive();
        while (last.getType() == RpcTypes.NOTIFY) {
          client.send(RpcTypes.answer(true));
          last = client.receive();
        }
        assertThat(last.getSuccess()).isFalse();
        assertThat(last.getCrErrmsg())
            .isEqualTo("the client said no at post-dump: nothing is dumped, the tree runs on");
      }
      assertRunsOn(target);
      assertNextDumpWorks(rpc, target);
    }
  }

  @Test
  void aClientThatGoesAwayKeepsItsTree() throws IOException {
    try (ServedHere rpc = serve();
        SelfChecking target = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      try (RpcRequests client = rpc.connect()) {
        client.send(withStages(client, target, false));
        untilPostDump(client);
      }
      assertRunsOn(target);
      assertNextDumpWorks(rpc, target);
    }
  }

  /** The control of the veil: a criu that preloads nothing is found out. */
  @Test
  void withoutTheVeilNothingIsDumped() throws IOException {
    Path bare = directory.resolve("bare-criu");
    Files.writeString(
        bare, "#!/bin/sh\nunset LD_PRELOAD\nexec " + StockCriu.program().path() + " \"$@\"\n");
    Files.setPosixFilePermissions(bare, PosixFilePermissions.fromString("rwx------"));
    try (ServedHere rpc = ServedHere.start(directory, bare);
        SelfChecking target = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));

      CriuResponse response = rpc.dump(target.pid(), "2", "../1", false);

      assertThat(response.getSuccess()).isFalse();
      assertThat(response.getCrErrmsg())
          .isEqualTo("the veil did not take: " + bare + " preloaded nothing; the tree runs on");
      assertThat(directory.resolve("2/inventory.img")).doesNotExist();
      assertRunsOn(target);
    }
  }

  @Test
  void imagesThatCannotBePutWhereTheyAreWantedEndNothing() throws Exception {
    try (ServedHere rpc = serve();
        SelfChecking target = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      try (Mounted small = Mounted.tmpfs(directory.resolve("small"), "size=64k")) {
        Files.createSymbolicLink(small.path().resolve("elsewhere"), directory.resolve("1"));

        CriuResponse response = rpc.dump(target.pid(), "small", "elsewhere", false);

        assertThat(response.getSuccess()).isFalse();
        assertThat(response.getCrErrno()).as(response.toString()).isEqualTo(28);
        assertThat(small.path().resolve("inventory.img")).doesNotExist();
        assertThat(small.path().resolve(".predump.partial")).doesNotExist();
      }
      assertRunsOn(target);
      assertNextDumpWorks(rpc, target);
    }
  }

  /** The daemon that filled it is gone, and with it what has been written since. */
  @Test
  void aDumpOnAParentThatADaemonOfBeforeFilledIsRefused() throws IOException {
    try (SelfChecking target = SelfChecking.start("8")) {
      try (ServedHere before = serve()) {
        assertWell(before.preDump(target.pid(), "1", ""));
      }
      try (ServedHere rpc = serve()) {
        CriuResponse response = rpc.dump(target.pid(), "2", "../1", false);

        String why =
            "pid="
                + target.pid()
                + ": parent_img is not what a pre-dump of this process has filled here: dump"
                + " without parent_img";
        assertThat(response.getSuccess()).isFalse();
        assertThat(response.getCrErrno()).isEqualTo(22);
        assertThat(response.getCrErrmsg()).isEqualTo(why);
        assertThat(directory.resolve("2/dump.log")).hasContent("Error (predump): " + why);
        assertRunsOn(target);
        assertWell(rpc.preDump(target.pid(), "1", ""));
        assertNextDumpWorks(rpc, target);
      }
    }
  }

  @Test
  void aDumpOnAParentThatIsNotOursIsTheRealCrius() throws IOException {
    try (ServedHere rpc = serve();
        SelfChecking target = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      Files.createDirectory(directory.resolve("foreign"));

      CriuResponse tracked = rpc.dump(target.pid(), "2", "../foreign", false);

      assertThat(tracked.getSuccess()).as("this kernel has no soft-dirty bits").isFalse();
      assertThat(Files.readString(directory.resolve("2/dump.log"))).doesNotContain("predump");
      assertRunsOn(target);

      CriuResponse plain = rpc.ask(RpcTypes.DUMP, target.pid(), "3", options -> options);
      assertWell(plain);
      assertThat(Restoring.bytesOfPages(directory.resolve("3"))).isGreaterThan(8L << 20);
      target.awaitGone();
      Restoring.restore(directory.resolve("3"));
      assertThat(target.check()).isEqualTo("right");
    }
  }
}
