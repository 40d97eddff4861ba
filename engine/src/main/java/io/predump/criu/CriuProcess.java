package io.predump.criu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A running {@code criu dump}. It is never killed from here: killed in its work on the tree it may
 * kill that. For the same reason the signals that end a terminal's programs do not reach it.
 */
final class CriuProcess {
  /** What is ignored stays so through execve. */
  private static final String SHELTER = "trap '' HUP INT QUIT TERM; exec \"$@\"";

  private final Process process;
  private final CompletableFuture<Void> told;
  private final Path log;
  private final Path printed;

  private CriuProcess(Process process, CompletableFuture<Void> told, Path log, Path printed) {
    this.process = process;
    this.told = told;
    this.log = log;
    this.printed = printed;
  }

  /**
   * Starts it.
   *
   * @param hook is told when it ends; borrowed
   * @param work its working directory, for its log
   * @param environment changes the environment it gets
   */
  static CriuProcess start(
      CriuProgram criu,
      List<String> arguments,
      DumpHook hook,
      Path work,
      Consumer<Map<String, String>> environment)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", SHELTER, "criu"));
    command.add(criu.path().toString());
    command.addAll(arguments);
    Path printed = work.resolve("printed");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(work.toFile())
            .redirectErrorStream(true)
            .redirectOutput(printed.toFile());
    environment.accept(builder.environment());
    Process process = builder.start();
    process.getOutputStream().close();
    CompletableFuture<Void> told = process.onExit().thenRun(() -> tellEnd(hook));
    return new CriuProcess(process, told, work.resolve("dump.log"), printed);
  }

  private static void tellEnd(DumpHook hook) {
    try {
      hook.tell(DumpHook.ENDED);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return its exit code; waits for it, and until the hook has been told} */
  int awaitEnd() throws IOException {
    try {
      int code = process.waitFor();
      told.join();
      return code;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("criu dump: interrupted while it ends", e);
    }
  }

  /** {@return whether it has ended, or does within so long} */
  boolean endsWithin(Duration patience) throws IOException {
    try {
      return process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("criu dump: interrupted while it ends", e);
    }
  }

  /** {@return what it said last} */
  String lastWords() {
    return CriuLog.lastWords(log, printed);
  }
}
