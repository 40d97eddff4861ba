package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.daemon.AccessRules;
import io.predump.daemon.SessionLimits;
import io.predump.daemon.Sessions;
import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TrackedTreesTest {
  @TempDir Path temp;

  @Test
  void atTheStartTheChainsOfBeforeGoAndNothingElse() throws IOException {
    Path directory = Files.createDirectory(temp.resolve("chains"));
    Files.createDirectories(directory.resolve("pid12-345-6789/0001"));
    Files.writeString(directory.resolve("pid12-345-6789/0001/round.img"), "old");
    Files.createDirectories(directory.resolve("checkpoint-1/0001"));
    Files.writeString(directory.resolve("pid1-2-3"), "a file of somebody's");
    try (Sessions sessions =
            new Sessions(
                SessionLimits.DEFAULT,
                new CopyBudget(1, 1, CopyLimits.NONE),
                new AccessRules(),
                List.of());
        TrackedTrees trees =
            TrackedTrees.begin(
                sessions, SessionOptions.defaults("test"), directory, ImageForm.RAW)) {
      assertThat(trees.find(Pid.self())).isEmpty();
    }

    assertThat(directory.resolve("pid12-345-6789")).doesNotExist();
    assertThat(directory.resolve("checkpoint-1/0001")).isDirectory();
    assertThat(directory.resolve("pid1-2-3")).isRegularFile();
  }
}
