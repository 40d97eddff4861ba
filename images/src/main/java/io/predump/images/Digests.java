package io.predump.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 as hexadecimal text. */
final class Digests {
  private static final int STREAM_BYTES = 1 << 20;

  private Digests() {}

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  static String sha256Hex(byte[] bytes) {
    return hex(sha256().digest(bytes));
  }

  /** {@return the hash of a whole file, read piece by piece: it may be larger than memory} */
  static String sha256Hex(Path file) throws IOException {
    MessageDigest sha = sha256();
    ByteBuffer piece = ByteBuffer.allocate(STREAM_BYTES);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      while (readSome(channel, file, piece) >= 0) {
        sha.update(piece.flip());
        piece.clear();
      }
    }
    return hex(sha.digest());
  }

  private static int readSome(FileChannel channel, Path file, ByteBuffer piece) throws IOException {
    try {
      return channel.read(piece);
    } catch (IOException e) {
      throw Storage.failed(file, "read", e);
    }
  }

  static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
