package io.predump.linux.testkit;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A control group with a freezer for a test, below the root of its hierarchy. Closing thaws it,
 * moves whoever is in it back to the root, and removes it.
 */
public final class TestCgroup implements AutoCloseable {
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final Path root;
  private final Path directory;
  private final int version;

  private TestCgroup(Path root, Path directory, int version) {
    this.root = root;
    this.directory = directory;
    this.version = version;
  }

  /** Makes one of version 1 or 2; skips the test where that cannot be. */
  public static TestCgroup make(int version) throws IOException {
    Path root = mount(version);
    assumeTrue(root != null, "no cgroup v" + version + " with a freezer is mounted");
    Path directory =
        root.resolve("predump-test-" + Pid.self().number() + "-" + COUNT.incrementAndGet());
    try {
      Files.createDirectory(directory);
    } catch (FileSystemException e) {
      assumeTrue(false, "no right to make a cgroup v" + version + ": " + e.getMessage());
    }
    return new TestCgroup(root, directory, version);
  }

  private static Path mount(int version) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
      boolean fits =
          version == 2
              ? line.contains(" - cgroup2 ")
              : line.contains(" - cgroup ") && line.matches(".*[ ,]freezer(,.*)?$");
      if (fits) {
        return Path.of(line.split(" ", -1)[4]);
      }
    }
    return null;
  }

  /** Returns its directory. */
  public Path directory() {
    return directory;
  }

  /** Returns the root of its hierarchy. */
  public Path root() {
    return root;
  }

  /** Moves a process here. */
  public void add(Pid pid) throws IOException {
    Files.writeString(directory.resolve("cgroup.procs"), pid.toString());
  }

  /** Moves a process to another group of any hierarchy. */
  public static void move(Pid pid, Path group) throws IOException {
    Files.writeString(group.resolve("cgroup.procs"), pid.toString());
  }

  /** Moves one thread here; version 1 only. */
  public void addThread(int tid) throws IOException {
    Files.writeString(directory.resolve("tasks"), Integer.toString(tid));
  }

  /** Asks it to freeze. */
  public void freeze() throws IOException {
    write(version == 2 ? "1" : "FROZEN");
  }

  /** Thaws it. */
  public void thaw() throws IOException {
    write(version == 2 ? "0" : "THAWED");
  }

  private void write(String word) throws IOException {
    Files.writeString(directory.resolve(version == 2 ? "cgroup.freeze" : "freezer.state"), word);
  }

  /** Returns whether everybody in it stands still. */
  public boolean isFrozen() throws IOException {
    return version == 2
        ? Files.readString(directory.resolve("cgroup.events")).contains("frozen 1")
        : Files.readString(directory.resolve("freezer.state")).startsWith("FROZEN");
  }

  /** Returns whether it has been asked to freeze. */
  public boolean isAskedToFreeze() throws IOException {
    String file = version == 2 ? "cgroup.freeze" : "freezer.self_freezing";
    return Files.readString(directory.resolve(file)).trim().equals("1");
  }

  /** Thaws it, moves everybody out, removes it. */
  @Override
  public void close() throws IOException {
    thaw();
    for (int attempt = 0; ; attempt++) {
      for (String pid : Files.readAllLines(directory.resolve("cgroup.procs"))) {
        try {
          Files.writeString(root.resolve("cgroup.procs"), pid);
        } catch (IOException e) {
          // It has ended.
        }
      }
      try {
        Files.delete(directory);
        return;
      } catch (DirectoryNotEmptyException e) {
        throw e;
      } catch (FileSystemException e) {
        if (attempt == 200) {
          throw e;
        }
        LiveTarget.pause(10);
      }
    }
  }
}
