package io.predump.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The process that {@code predump demo} copies: 256 MiB of text-like, random and zero pages, a part
 * of which is rewritten all the time, half of it with the bytes it had. Ends when it is killed.
 */
public final class DemoTarget {
  private static final int MIB = 1 << 20;
  private static final int PAGE_BYTES = 4096;
  private static final int BUFFER_BYTES = 32 * MIB;
  private static final int TEXT_BUFFERS = 3;
  private static final int RANDOM_BUFFERS = 3;
  private static final int ZERO_BUFFERS = 2;

  /** Per step, of each kind; a step is followed by {@link #PAUSE_MILLIS}. */
  private static final int PAGES_PER_STEP = 32;

  private static final long PAUSE_MILLIS = 5;

  /** The pages rewritten lie in the first so many bytes of a buffer. */
  private static final int HOT_BYTES = 8 * MIB;

  private static final String[] WORDS = {
    "the", "memory", "of", "a", "process", "changes", "while", "it", "runs", "page", "after", "and",
    "round", "copies", "what", "was", "written", "since", "before", "again"
  };

  private final Random random = new Random(42);
  private final List<ByteBuffer> text = new ArrayList<>();
  private final List<ByteBuffer> noise = new ArrayList<>();
  private final List<ByteBuffer> zero = new ArrayList<>();

  private DemoTarget() {}

  /** Fills the memory, makes the file named by the first argument, and writes until killed. */
  public static void main(String[] args) throws IOException, InterruptedException {
    DemoTarget target = new DemoTarget();
    target.fill();
    Files.createFile(Path.of(args[0]));
    while (true) {
      target.rewrite();
      Thread.sleep(PAUSE_MILLIS);
    }
  }

  private void fill() {
    byte[] page = new byte[PAGE_BYTES];
    for (int i = 0; i < TEXT_BUFFERS; i++) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
      while (buffer.hasRemaining()) {
        buffer.put(textPage());
      }
      text.add(buffer);
    }
    for (int i = 0; i < RANDOM_BUFFERS; i++) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
      while (buffer.hasRemaining()) {
        random.nextBytes(page);
        buffer.put(page);
      }
      noise.add(buffer);
    }
    for (int i = 0; i < ZERO_BUFFERS; i++) {
      zero.add(ByteBuffer.allocateDirect(BUFFER_BYTES)); // the JVM writes the zeros
    }
  }

  private byte[] textPage() {
    StringBuilder words = new StringBuilder(PAGE_BYTES + 16);
    while (words.length() < PAGE_BYTES) {
      words.append(WORDS[random.nextInt(WORDS.length)]);
      words.append(random.nextInt(8) == 0 ? " " + random.nextInt(100_000) + "\n" : " ");
    }
    words.setLength(PAGE_BYTES);
    return words.toString().getBytes(StandardCharsets.US_ASCII);
  }

  /** Some pages get new bytes, as many get the bytes they have. */
  private void rewrite() {
    byte[] page = new byte[PAGE_BYTES];
    for (int i = 0; i < PAGES_PER_STEP; i++) {
      int offset = random.nextInt(HOT_BYTES / PAGE_BYTES) * PAGE_BYTES;
      random.nextBytes(page);
      text.get(0).put(offset, page, 0, PAGE_BYTES / 2);
      noise.get(0).get(offset, page);
      noise.get(0).put(offset, page);
    }
    // a zero page now and then becomes data, and zero again
    zero.get(0).putInt(random.nextInt(HOT_BYTES / PAGE_BYTES) * PAGE_BYTES, random.nextInt(2));
  }
}
