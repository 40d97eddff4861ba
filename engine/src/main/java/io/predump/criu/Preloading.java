package io.predump.criu;

import io.predump.linux.proc.FileCapabilities;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Whether a program can be made to preload a library. The loader ignores LD_PRELOAD for a program
 * with more rights than its caller, and a static one has no loader. A script is taken for one that
 * starts the program in the end.
 */
final class Preloading {
  private static final int ELF_MAGIC = 0x464c457f;
  private static final int PROGRAM_HEADERS_OFFSET = 32;
  private static final int PROGRAM_HEADER_BYTES = 54;
  private static final int PROGRAM_HEADER_COUNT = 56;
  private static final int PT_INTERP = 3;
  private static final int SETUID_OR_SETGID = 06000;

  private Preloading() {}

  /** {@return why it cannot, such as "is static"; empty if nothing speaks against it} */
  static Optional<String> obstacle(Path program) throws IOException {
    int mode = (Integer) Files.getAttribute(program, "unix:mode");
    if ((mode & SETUID_OR_SETGID) != 0) {
      return Optional.of("is setuid or setgid");
    }
    if (FileCapabilities.has(program)) {
      return Optional.of("has file capabilities");
    }
    return isStatic(program) ? Optional.of("is static") : Optional.empty();
  }

  /** ELF, 64 bits, little-endian: dynamic programs name their loader in a PT_INTERP header. */
  private static boolean isStatic(Path program) throws IOException {
    try (FileChannel file = FileChannel.open(program)) {
      ByteBuffer header = read(file, 0, 64);
      if (header.limit() < 64 || header.getInt(0) != ELF_MAGIC) {
        return false;
      }
      long offset = header.getLong(PROGRAM_HEADERS_OFFSET);
      int bytes = Short.toUnsignedInt(header.getShort(PROGRAM_HEADER_BYTES));
      int count = Short.toUnsignedInt(header.getShort(PROGRAM_HEADER_COUNT));
      for (int i = 0; i < count; i++) {
        ByteBuffer entry = read(file, offset + (long) i * bytes, Integer.BYTES);
        if (entry.limit() == Integer.BYTES && entry.getInt(0) == PT_INTERP) {
          return false;
        }
      }
      return true;
    }
  }

  private static ByteBuffer read(FileChannel file, long offset, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining() && file.read(buffer, offset + buffer.position()) > 0) {}
    return buffer.flip();
  }
}
