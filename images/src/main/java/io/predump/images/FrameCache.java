package io.predump.images;

import java.io.Closeable;
import java.io.IOException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The frames decompressed last, over all rounds and pagemaps of a chain: as much as {@link
 * #MAX_FRAMES} frames of full size take, however many rounds there are. Small frames take what they
 * take, so that a chain of many small rounds is kept as a whole. Of one thread at a time.
 */
final class FrameCache implements Closeable {
  /** Rounds whose pages lie mixed in memory keep a frame each; a run has about ten rounds. */
  static final int MAX_FRAMES = 16;

  private static final int MAX_BYTES = MAX_FRAMES * (1 << 20);

  private final Map<Key, byte[]> frames = new LinkedHashMap<>(MAX_FRAMES, 0.75f, true);
  private final FrameCodec codec = new FrameCodec(1);
  private final FrameReader.Scratch scratch = new FrameReader.Scratch();
  private int heldBytes;

  /** A reader is equal only to itself. */
  private record Key(FrameReader file, int frame) {}

  /** {@return the frame's pages, null if it is not kept; usable until the next {@link #load}} */
  byte @Nullable [] find(FrameReader file, int frame) {
    return frames.get(new Key(file, frame));
  }

  /** {@return the pages of a frame not kept so far; usable until the next load} */
  byte[] load(FrameReader file, int frame) throws IOException {
    byte[] source = room(file.frames().sourceBytes(frame));
    file.read(frame, codec, scratch, source);
    frames.put(new Key(file, frame), source);
    heldBytes += source.length;
    return source;
  }

  /** Drops the frames used longest ago until there is room, and uses an array of theirs again. */
  private byte[] room(int bytes) {
    byte[] source = null;
    Iterator<byte[]> eldest = frames.values().iterator();
    while (heldBytes + bytes > MAX_BYTES && eldest.hasNext()) {
      byte[] dropped = eldest.next();
      eldest.remove();
      heldBytes -= dropped.length;
      if (dropped.length == bytes) {
        source = dropped;
      }
    }
    return source == null ? new byte[bytes] : source;
  }

  /** Bytes of the frames kept. */
  int heldBytes() {
    return heldBytes;
  }

  @Override
  public void close() {
    frames.clear();
    heldBytes = 0;
    codec.close();
  }
}
