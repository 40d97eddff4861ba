package io.predump.linux.ptrace;

import java.nio.ByteBuffer;

/**
 * What a {@link SignalFrame} tells the next injection, should this one be cut off: that there was
 * one, and what it may have left open. Byte offsets from the mark's first byte. Nothing else tells
 * our userfaultfd from one of the target's.
 */
final class Mark {
  static final int BYTES = 64;

  private static final long MAGIC_1 = 0x6a1f_70d2_7072_6564L;
  private static final long MAGIC_2 = 0x756d_7075_6666_6401L;

  private static final int SECOND = 8;

  /** Number of userfaultfd calls, one per injection cut off, whose result was not noted. */
  private static final int UNKNOWN = 16;

  /** Descriptors that such calls returned, plus one; 0 is none. */
  private static final int KNOWN = 20;

  private static final int KNOWN_COUNT = (BYTES - KNOWN) / Integer.BYTES;

  private Mark() {}

  static boolean isAt(ByteBuffer bytes, int at) {
    return bytes.getLong(at) == MAGIC_1 && bytes.getLong(at + SECOND) == MAGIC_2;
  }

  /** Writes a mark that tells of nothing. */
  static void clear(ByteBuffer bytes, int at) {
    bytes.putLong(at, MAGIC_1);
    bytes.putLong(at + SECOND, MAGIC_2);
    for (int i = UNKNOWN; i < BYTES; i += Integer.BYTES) {
      bytes.putInt(at + i, 0);
    }
  }

  /** Writes a mark that continues the one at {@code before}, if there is one. */
  static void start(ByteBuffer bytes, int at, int before) {
    clear(bytes, at);
    if (isAt(bytes, before)) {
      for (int i = UNKNOWN; i < BYTES; i += Integer.BYTES) {
        bytes.putInt(at + i, bytes.getInt(before + i));
      }
    }
  }

  static int unknown(ByteBuffer bytes, int at) {
    return bytes.getInt(at + UNKNOWN);
  }

  static void addUnknown(ByteBuffer bytes, int at, int count) {
    bytes.putInt(at + UNKNOWN, unknown(bytes, at) + count);
  }

  /** Notes a descriptor; the oldest is forgotten when there are too many. */
  static void addKnown(ByteBuffer bytes, int at, int descriptor) {
    for (int i = KNOWN_COUNT - 1; i > 0; i--) {
      bytes.putInt(at + KNOWN + i * 4, bytes.getInt(at + KNOWN + (i - 1) * 4));
    }
    bytes.putInt(at + KNOWN, descriptor + 1);
  }

  /** Forgets all descriptors that are known. */
  static void clearKnown(ByteBuffer bytes, int at) {
    for (int i = 0; i < KNOWN_COUNT; i++) {
      bytes.putInt(at + KNOWN + i * 4, 0);
    }
  }

  static boolean knows(ByteBuffer bytes, int at, int descriptor) {
    for (int i = 0; i < KNOWN_COUNT; i++) {
      if (bytes.getInt(at + KNOWN + i * 4) == descriptor + 1) {
        return true;
      }
    }
    return false;
  }
}
