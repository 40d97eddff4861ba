package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WriteBehindTest {
  @TempDir Path directory;

  private final AtomicInteger flushes = new AtomicInteger();

  @Test
  void flushesOnceEnoughIsWritten() throws IOException {
    Storage counting =
        new Storage() {
          @Override
          void flush(FileChannel channel, Path file) {
            flushes.incrementAndGet();
          }
        };
    Path file = directory.resolve("pages");
    try (FileChannel channel = counting.createFile(file)) {
      WriteBehind behind = new WriteBehind(counting, channel, file);
      behind.wrote((64 << 20) - 1);
      behind.await();
      assertThat(flushes).hasValue(0);
      behind.wrote(1);
      behind.await();
      assertThat(flushes).hasValue(1);
    }
  }

  @Test
  void aWriteLostBehindTheBackIsReportedBeforeTheSync() throws IOException {
    Storage failing =
        new Storage() {
          @Override
          void flush(FileChannel channel, Path file) throws IOException {
            throw failed(file, "fdatasync", new IOException("Input/output error"));
          }
        };
    Path file = directory.resolve("pages");
    try (FileChannel channel = failing.createFile(file)) {
      WriteBehind behind = new WriteBehind(failing, channel, file);
      behind.wrote(64 << 20);
      assertThatThrownBy(behind::await)
          .isInstanceOf(IOException.class)
          .hasMessage(file + ": fdatasync: Input/output error");
    }
  }
}
