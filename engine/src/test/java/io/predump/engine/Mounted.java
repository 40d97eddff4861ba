package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A tmpfs of our own, unmounted when closed. */
public final class Mounted implements AutoCloseable {
  final Path path;

  private Mounted(Path path) {
    this.path = path;
  }

  /** Mounts one with these mount options. */
  public static Mounted tmpfs(Path path, String options) throws Exception {
    Files.createDirectories(path);
    boolean mounted =
        run("mount", "-t", "tmpfs", "-o", options, "predump-test", path.toString()) == 0;
    assumeTrue(mounted, "this user cannot mount a tmpfs");
    return new Mounted(path);
  }

  /** Where it is. */
  public Path path() {
    return path;
  }

  /** Changes its mount options. */
  public void remount(String options) throws Exception {
    assertThat(run("mount", "-o", "remount," + options, path.toString())).isZero();
  }

  @Override
  public void close() throws Exception {
    assertThat(run("umount", path.toString())).isZero();
  }

  private static int run(String... command) throws Exception {
    return new ProcessBuilder(List.of(command)).inheritIO().start().waitFor();
  }
}
