package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the engine keeps grows with the pages there are, not with the addresses they span. */
final class SparseIT {
  private static final int PAGES = 26_000;

  @TempDir Path directory;

  @Test
  void onePageInEveryTwoMebibytesFitsASmallHeap() throws Exception {
    try (LiveTarget target = Targets.ready("sparse", PAGES)) {
      Path images = directory.resolve("images");

      String said = roundsOfASmallJvm(target.pid(), images);

      assertThat(said).isEqualTo("all held\nnone different\n");
      assertThat(target.isAlive()).isTrue();
    }
  }

  /** Takes two rounds and the final one, and says how it went. */
  static final class RoundsMain {
    private RoundsMain() {}

    public static void main(String[] args) throws IOException {
      Pid pid = new Pid(Integer.parseInt(args[0]));
      try (PreDumpSession session =
          PreDumpSession.attach(pid, Path.of(args[1]), SessionOptions.defaults("test"))) {
        long stored = session.round().orElseThrow().pages().stored();
        System.out.println(stored >= PAGES ? "all held" : "held only " + stored);
        session.round().orElseThrow();
        VerifyResult verify = session.finish(true).orElseThrow().verify().orElseThrow();
        System.out.println(
            verify.different() == 0 ? "none different" : verify.firstDifferences().toString());
      }
    }
  }

  private static String roundsOfASmallJvm(Pid pid, Path images) throws Exception {
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx192m",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty(
                "surefire.test.class.path",
                System.getProperty("java.class.path", "") + File.pathSeparator),
            RoundsMain.class.getName(),
            String.valueOf(pid.number()),
            images.toString());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return said;
  }
}
