package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.CriuRestore;
import io.predump.criu.RestoreOptions;
import io.predump.criu.SelfChecking;
import io.predump.criu.StockCriu;
import io.predump.images.ChainVerifier;
import io.predump.images.DirectoryFill;
import io.predump.images.ImageChain;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients of RPC that want the compressed chain in their directories. */
@Timeout(120)
final class RpcCompressedIT {
  @TempDir Path directory;

  private static void assertWell(CriuResponse response) {
    assertThat(response.getSuccess()).as(response.toString()).isTrue();
  }

  private Path chain(String name) {
    return directory.resolve(name).resolve(DirectoryFill.CHAIN);
  }

  private void assertHolds(String name, int rounds) throws IOException {
    assertThat(new ChainVerifier(1).verify(chain(name)).problems()).isEmpty();
    try (ImageChain chain = ImageChain.open(chain(name))) {
      assertThat(chain.newest().number()).isEqualTo(rounds);
    }
    try (var raw = Files.newDirectoryStream(directory.resolve(name), "pages-*.img")) {
      assertThat(raw).as("raw pages in " + name).isEmpty();
    }
  }

  private static Object inode(Path file) throws IOException {
    return Files.getAttribute(file, "unix:ino");
  }

  @Test
  void everyDirectoryIsAChainOfItsOwnAndTheLastIsRestored() throws IOException {
    try (ServedHere rpc =
            ServedHere.start(directory, StockCriu.program().path(), ImageForm.COMPRESSED);
        SelfChecking target = SelfChecking.start("16")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertWell(rpc.preDump(target.pid(), "2", "../1"));
      assertWell(rpc.dump(target.pid(), "3", "../2", false));
      target.awaitGone();

      for (int round = 1; round <= 3; round++) {
        assertHolds(Integer.toString(round), round);
      }
      assertThat(Files.readSymbolicLink(directory.resolve("3/parent"))).hasToString("../2");
      assertThat(inode(chain("2").resolve("0001/round.img")))
          .as("a pre-dump's round that the parent has costs nothing")
          .isEqualTo(inode(chain("1").resolve("0001/round.img")));
      assertThat(rpc.chains()).isEmptyDirectory();
      restore(chain("3"));
      assertThat(target.check()).isEqualTo("right");
    }
  }

  /** A directory is filled again, by a whole pre-dump: what it held before is gone. */
  @Test
  void aDirectoryThatIsFilledAgainHoldsTheNewChain() throws IOException {
    try (ServedHere rpc =
            ServedHere.start(directory, StockCriu.program().path(), ImageForm.COMPRESSED);
        SelfChecking target = SelfChecking.start("8")) {
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertHolds("1", 1);
      assertWell(rpc.preDump(target.pid(), "1", ""));
      assertHolds("1", 2);
      assertWell(rpc.dump(target.pid(), "2", "../1", true));
      assertHolds("2", 3);
    }
  }

  private void restore(Path images) throws IOException {
    Path work = Files.createDirectories(directory.resolve("work"));
    RestoreOptions options =
        new RestoreOptions(
            images,
            OptionalInt.empty(),
            StockCriu.program(),
            true,
            Optional.of(work),
            1,
            List.of());
    assertThat(new CriuRestore(options, running -> {}).run().exitCode()).isZero();
  }
}
