package io.predump.criu;

import io.predump.linux.Fifo;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * What CRIU runs at the stages of a dump ({@code --action-script}), and the two named pipes by
 * which it talks with this program: one for stages, a line each, one for the answers that end the
 * stages in which the tree is frozen and CRIU waits, {@code post-dump} and {@code status-ready}.
 *
 * <p>The script's end of the answers is opened for reading alone, so that it reads the end of the
 * file as soon as no one holds the other end: this program is gone. It opens both ends first, for
 * opening one alone would wait for ever where there is no other.
 */
final class DumpHook implements AutoCloseable {
  /** Stage: the tree still runs, and is about to be frozen. */
  static final String PRE_DUMP = "pre-dump";

  /** Stage: the tree is frozen, the images are complete, CRIU waits for the answer. */
  static final String POST_DUMP = "post-dump";

  /**
   * Stage: with lazy pages CRIU is about to serve the client that would ask for them, whatever was
   * answered before; it waits for the answer, and serves nobody if it is a bad one.
   */
  static final String STATUS_READY = "status-ready";

  /** Not CRIU's: it has ended. */
  static final String ENDED = "ended";

  private static final String SCRIPT =
      """
      #!/bin/sh
      case $CRTOOLS_SCRIPT_ACTION in
      pre-dump | post-dump | status-ready) ;;
      *) exit 0 ;;
      esac
      here=${0%/*}
      exec 3<>"$here/stages" 5<>"$here/answers" 4<"$here/answers"
      exec 5>&-
      echo "$CRTOOLS_SCRIPT_ACTION" >&3
      [ "$CRTOOLS_SCRIPT_ACTION" != pre-dump ] || exit 0
      read -r answer <&4 || exit 1
      exit "$answer"
      """;

  private final Path script;
  private final RandomAccessFile stages;
  private final RandomAccessFile answers;

  private DumpHook(Path script, RandomAccessFile stages, RandomAccessFile answers) {
    this.script = script;
    this.stages = stages;
    this.answers = answers;
  }

  /**
   * Writes the script and opens the pipes.
   *
   * @param directory private; on a file system from which programs may run
   */
  static DumpHook make(Path directory) throws IOException {
    Path script = directory.resolve("hook");
    Files.writeString(script, SCRIPT);
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    RandomAccessFile stages = pipe(directory.resolve("stages"));
    try {
      return new DumpHook(script, stages, pipe(directory.resolve("answers")));
    } catch (IOException e) {
      stages.close();
      throw e;
    }
  }

  /** Opened for both directions: neither opening nor reading fails for want of a partner. */
  private static RandomAccessFile pipe(Path path) throws IOException {
    Fifo.create(path);
    return new RandomAccessFile(path.toFile(), "rw");
  }

  Path script() {
    return script;
  }

  /** {@return the next stage; waits for it} */
  String awaitStage() throws IOException {
    StringBuilder line = new StringBuilder();
    while (true) {
      int read = stages.read();
      if (read < 0 || read == '\n') {
        return line.toString();
      }
      line.append((char) read);
    }
  }

  /** A stage as if the script had told it; for any thread. */
  void tell(String stage) throws IOException {
    stages.write((stage + "\n").getBytes(StandardCharsets.US_ASCII));
  }

  /** Ends the stage in which CRIU waits: well, or so that it takes the dump for failed. */
  void answer(boolean well) throws IOException {
    answers.write((well ? "0\n" : "1\n").getBytes(StandardCharsets.US_ASCII));
  }

  @Override
  public void close() {
    try {
      stages.close();
      answers.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
