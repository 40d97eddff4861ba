package io.predump.cli;

import io.predump.images.ChainDirectory;
import io.predump.images.FrameCodec;
import io.predump.images.ManifestDraft;
import io.predump.images.MmImage;
import io.predump.images.PageKind;
import io.predump.images.PagesName;
import io.predump.images.PagesWriter;
import io.predump.images.ProcessIdentity;
import io.predump.images.RoundRecord;
import io.predump.images.RoundWriter;
import io.predump.images.VmaImage;
import io.predump.images.VmaPolicy;
import io.predump.images.VmaRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Images of a process that never was: three pages in a full round, one of them rewritten in the
 * final one.
 */
final class SyntheticChain {
  static final long HEAP = 0x5600_0000_0000L;
  private static final int PAGE = 4096;
  private static final int PID = 42;

  private SyntheticChain() {}

  static void write(Path dir) throws IOException {
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    round(
        chain, OptionalInt.empty(), List.of(PageKind.PRESENT, PageKind.PRESENT, PageKind.PRESENT));
    round(chain, OptionalInt.of(1), List.of(PageKind.PARENT, PageKind.PRESENT, PageKind.PARENT));
  }

  /** Another run into the same directory: a full round without a parent. */
  static void again(Path dir) throws IOException {
    round(
        ChainDirectory.openOrCreate(dir),
        OptionalInt.empty(),
        List.of(PageKind.PRESENT, PageKind.PRESENT));
  }

  private static void round(ChainDirectory chain, OptionalInt parent, List<PageKind> kinds)
      throws IOException {
    boolean last = parent.isPresent();
    try (RoundWriter writer = RoundWriter.begin(chain, parent)) {
      PagesWriter pages = writer.pages(PagesName.ofProcess(PID));
      for (int i = 0; i < kinds.size(); i++) {
        if (kinds.get(i) == PageKind.PRESENT) {
          frame(pages, (byte) (writer.round() * 16 + i));
        }
        pages.entry(HEAP + (long) i * PAGE, 1, kinds.get(i));
      }
      pages.finish();
      writer.mm(PID, mm());
      RoundRecord record = last ? Samples.finalRound() : Samples.firstRound();
      writer.commit(draft(last), record);
    }
  }

  private static void frame(PagesWriter pages, byte content) throws IOException {
    ByteBuffer source = ByteBuffer.allocateDirect(PAGE);
    for (int i = 0; i < PAGE; i++) {
      source.put(i, content);
    }
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(PAGE));
    try (FrameCodec codec = new FrameCodec(1)) {
      codec.compress(source, frame);
      pages.append(frame, PAGE, codec.digest(frame));
    }
  }

  private static ManifestDraft draft(boolean last) {
    return new ManifestDraft(
        "0.1.0",
        "6.18.0",
        "b5a1f7c2-0000-4000-8000-3c0ffee00001",
        last,
        List.of(new ProcessIdentity(PID, PID, 123_456, "writer")),
        "uffd-wp",
        List.of(
            new VmaRecord(PID, HEAP, HEAP + 16 * PAGE, VmaPolicy.TRACK, "", ""),
            new VmaRecord(
                PID,
                0x7f0000000000L,
                0x7f0000001000L,
                VmaPolicy.SKIP,
                "shared regular file",
                "/srv/data")),
        0,
        1_790_000_000_000L,
        List.of("a warning"),
        List.of(),
        Optional.empty());
  }

  private static MmImage mm() {
    return new MmImage(
        0x400000,
        0x401000,
        0x402000,
        0x403000,
        0x7ffc00001000L,
        HEAP,
        HEAP + 16 * PAGE,
        0x7ffc00001100L,
        0x7ffc00001200L,
        0x7ffc00001200L,
        0x7ffc00001300L,
        0,
        List.of(0L, 0L),
        List.of(
            new VmaImage(
                HEAP,
                HEAP + 16 * PAGE,
                0,
                0,
                3,
                0x22,
                VmaImage.STATUS_REGULAR | VmaImage.STATUS_HEAP | VmaImage.STATUS_ANON_PRIVATE,
                -1,
                OptionalLong.empty(),
                OptionalInt.empty())),
        OptionalInt.of(1),
        List.of(),
        Optional.of(false));
  }
}
