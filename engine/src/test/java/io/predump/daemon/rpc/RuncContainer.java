package io.predump.daemon.rpc;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.engine.Targets;
import io.predump.linux.Fifo;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A container of runc's with busybox and {@code selfcheck.c}, which is asked and answers by two
 * files of its root. Killed, and deleted with its cgroups, when closed.
 */
final class RuncContainer implements AutoCloseable {
  private static final Path BUSYBOX = Path.of("/bin/busybox");
  private static final Duration PATIENCE = Slowness.times(Duration.ofSeconds(60));

  /**
   * How a command ended.
   *
   * @param exitCode its exit code
   * @param log what runc logged
   */
  record Ended(int exitCode, String log) {}

  private final Path directory;
  private final Path bundle;
  private final String name;
  private final Map<String, String> environment;
  private int linesTaken;

  private RuncContainer(Path directory, String name, Map<String, String> environment) {
    this.directory = directory;
    this.bundle = directory.resolve("bundle");
    this.name = name;
    this.environment = environment;
  }

  /**
   * Starts one.
   *
   * @param directory empty, for bundle, images and runc's state
   * @param environment of runc's
   * @param mib memory it keeps
   * @param how {@code quiet}, or nothing
   */
  static RuncContainer start(Path directory, Map<String, String> environment, int mib, String how)
      throws IOException {
    assumeTrue(isThere("runc"), "there is no runc");
    assumeTrue(Files.isExecutable(BUSYBOX), "there is no busybox");
    RuncContainer container =
        new RuncContainer(directory, "predump-" + System.nanoTime(), environment);
    container.makeBundle(mib, how);
    try {
      Ended run = container.runc(List.of("run", "-d", "--bundle", container.bundle.toString()));
      if (run.exitCode() != 0) {
        throw new IOException("runc run: " + run.log());
      }
      if (!container.nextLine().equals("ready")) {
        throw new IOException("selfcheck says something else");
      }
      return container;
    } catch (IOException | RuntimeException e) {
      container.close();
      throw e;
    }
  }

  private static boolean isThere(String program) {
    for (String path : String.valueOf(System.getenv("PATH")).split(":", -1)) {
      if (Files.isExecutable(Path.of(path, program))) {
        return true;
      }
    }
    return false;
  }

  private void makeBundle(int mib, String how) throws IOException {
    Path root = bundle.resolve("rootfs");
    for (String made : List.of("bin", "proc", "dev")) {
      Files.createDirectories(root.resolve(made));
    }
    Files.copy(BUSYBOX, root.resolve("bin/busybox"));
    Files.createSymbolicLink(root.resolve("bin/sh"), Path.of("busybox"));
    CProgram program = Targets.program("selfcheck", "-static");
    Path selfcheck = Files.copy(program.executable(), root.resolve("bin/selfcheck"));
    Files.setPosixFilePermissions(selfcheck, PosixFilePermissions.fromString("rwxr-xr-x"));
    Fifo.create(root.resolve("in"));
    Files.writeString(
        bundle.resolve("config.json"),
        String.format(
            """
      {"ociVersion": "1.0.2",
       "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"],
        "args": ["/bin/sh", "-c", "/bin/selfcheck %d %s <>/in >/out 2>&1; exit 1"]},
       "root": {"path": "rootfs", "readonly": false},
       "hostname": "container",
       "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}],
       "linux": {
        "resources": {"devices": [{"allow": false, "access": "rwm"}]},
        "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
        "maskedPaths": ["/proc/kcore", "/proc/keys"], "readonlyPaths": ["/proc/sys"]}}
      """,
            mib, how));
  }

  /** Runs {@code runc COMMAND... NAME}, which finds another criu than ours only if told so. */
  Ended runc(List<String> command) throws IOException {
    return runcWith("criu", command);
  }

  /** Runs {@code runc --criu CRIU COMMAND... NAME}. */
  Ended runcWith(Object criu, List<String> command) throws IOException {
    Path log = Files.createTempFile(directory, "log", "");
    List<String> words = new ArrayList<>(List.of("runc", "--root", directory + "/state"));
    words.addAll(List.of("--log", log.toString(), "--criu", criu.toString()));
    words.addAll(command);
    words.add(name);
    return run(words, log);
  }

  private Ended run(List<String> words, Path log) throws IOException {
    // the container inherits the streams, and CRIU dumps none of the host's files
    ProcessBuilder builder =
        new ProcessBuilder(words)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().putAll(environment);
    Process process = builder.start();
    try {
      if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroy();
        throw new IOException("does not end: " + words);
      }
      return new Ended(process.exitValue(), Files.readString(log));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  /** Runs a line of the README's, in which the container is called box. */
  Ended shell(String line) throws IOException {
    Path log = Files.createTempFile(directory, "log", "");
    String runc = "runc --root " + directory + "/state --log " + log + " ";
    return run(
        List.of(
            "bash",
            "-c",
            "cd .. && " + line.replaceFirst("^runc ", runc).replaceFirst(" box$", " " + name)),
        log);
  }

  Path bundle() {
    return bundle;
  }

  /** {@return what runc keeps of it; absent once it is gone} */
  Path state() {
    return directory.resolve("state").resolve(name);
  }

  /** {@return "right", or what is wrong with its memory} */
  String check() throws IOException {
    return ask("check");
  }

  /** {@return how often it has written} */
  long writes() throws IOException {
    return Long.parseLong(ask("count"));
  }

  private String ask(String question) throws IOException {
    try (OutputStream in = Files.newOutputStream(bundle.resolve("rootfs/in"))) {
      in.write((question + "\n").getBytes(StandardCharsets.UTF_8));
    }
    return nextLine();
  }

  private String nextLine() throws IOException {
    Path out = bundle.resolve("rootfs/out");
    long start = System.nanoTime();
    while (System.nanoTime() - start < PATIENCE.toNanos()) {
      List<String> lines = Files.exists(out) ? Files.readAllLines(out) : List.of();
      if (lines.size() > linesTaken) {
        return lines.get(linesTaken++);
      }
      LiveTarget.pause(5);
    }
    throw new IOException("the container says nothing");
  }

  @Override
  public void close() throws IOException {
    if (Files.exists(state())) {
      runc(List.of("delete", "-f"));
    }
  }
}
