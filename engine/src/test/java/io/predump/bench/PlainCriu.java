package io.predump.bench;

import io.predump.criu.CriuProgram;
import io.predump.proto.StatsEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A stock {@code criu dump} of a process that runs on. */
final class PlainCriu {
  private static final int MAGICS_BYTES = 8;

  private PlainCriu() {}

  /**
   * What a dump took.
   *
   * @param frozenMicros what CRIU itself says: freezing and frozen time
   * @param seconds the whole command
   */
  record Dump(long frozenMicros, double seconds) {}

  /** Dumps into a new directory. */
  static Dump run(CriuProgram criu, LiveTarget target, Path directory) throws IOException {
    Files.createDirectory(directory);
    List<String> command = new ArrayList<>(List.of(criu.path().toString(), "dump", "--tree"));
    command.add(Integer.toString(target.pid().number()));
    command.addAll(
        List.of(
            "--images-dir",
            directory.toString(),
            "--work-dir",
            directory.toString(),
            "--log-file",
            "dump.log",
            "--shell-job",
            "--leave-running"));
    double seconds = Commands.run(command).seconds();
    ByteBuffer stats =
        ByteBuffer.wrap(Files.readAllBytes(directory.resolve("stats-dump")))
            .order(ByteOrder.LITTLE_ENDIAN)
            .position(MAGICS_BYTES);
    StatsEntry entry = StatsEntry.parseFrom(stats.slice(stats.position() + 4, stats.getInt()));
    return new Dump(
        (long) entry.getDump().getFreezingTime() + entry.getDump().getFrozenTime(), seconds);
  }

  /** {@return the bytes of all files below a directory} */
  static long bytes(Path directory) throws IOException {
    long bytes = 0;
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }
}
