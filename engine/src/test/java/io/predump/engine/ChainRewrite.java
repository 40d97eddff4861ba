package io.predump.engine;

import io.predump.images.ChainDirectory;
import io.predump.images.FrameCodec;
import io.predump.images.ImageChain;
import io.predump.images.Manifest;
import io.predump.images.ManifestDraft;
import io.predump.images.MmImage;
import io.predump.images.PageKind;
import io.predump.images.PagesName;
import io.predump.images.PagesWriter;
import io.predump.images.ResolvedPages;
import io.predump.images.RoundImages;
import io.predump.images.RoundWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * Writes a chain anew, with mistakes a wrong engine could make. Every file it writes is valid: what
 * is wrong can only be seen by comparing with the process.
 */
final class ChainRewrite {
  private static final int PAGE = PageTable.PAGE_BYTES;
  private static final ByteBuffer IN_PARENT = ByteBuffer.allocate(0);

  private ChainRewrite() {}

  /** Changes the pages of a round: address to bytes, no bytes for a page left to the parent. */
  interface Mistake {
    void make(int round, Map<Long, ByteBuffer> pages);
  }

  /** {@return what stands for a page that is in the parent} */
  static ByteBuffer inParent() {
    return IN_PARENT;
  }

  /** Copies a chain with a mistake in the process's pages. */
  static void copy(Path from, Path to, Mistake mistake) throws IOException {
    ChainDirectory target = ChainDirectory.openOrCreate(to);
    int rounds = ChainDirectory.open(from).roundNumbers().size();
    for (int number = 1; number <= rounds; number++) {
      try (ImageChain chain = ImageChain.open(from, number)) {
        copyRound(chain, target, mistake);
      }
    }
  }

  private static void copyRound(ImageChain chain, ChainDirectory target, Mistake mistake)
      throws IOException {
    RoundImages round = chain.newest();
    Manifest manifest = round.manifest();
    OptionalInt parent =
        manifest.parent().map(p -> OptionalInt.of(p.round())).orElse(OptionalInt.empty());
    try (RoundWriter writer = RoundWriter.begin(target, parent)) {
      for (PagesName name : round.names()) {
        NavigableMap<Long, ByteBuffer> pages = pagesOf(chain.pages(name), round.number());
        if (name.kind() == PagesName.Kind.PROCESS) {
          mistake.make(round.number(), pages);
          Optional<MmImage> mm = round.mm((int) name.id());
          writer.mm((int) name.id(), mm.orElseThrow());
        }
        write(writer.pages(name), pages);
      }
      writer.inventory(round.inventory().orElseThrow());
      writer.stats(round.statistics().orElseThrow());
      writer.commit(
          new ManifestDraft(
              manifest.engineVersion(),
              manifest.kernelRelease(),
              manifest.bootId(),
              manifest.finalFreeze(),
              manifest.processes(),
              manifest.tracker(),
              manifest.vmas(),
              manifest.owedPages(),
              manifest.createdUnixMillis(),
              manifest.warnings(),
              manifest.notVerified(),
              Optional.empty()),
          manifest.record());
    }
  }

  private static NavigableMap<Long, ByteBuffer> pagesOf(ResolvedPages held, int round)
      throws IOException {
    TreeMap<Long, ByteBuffer> pages = new TreeMap<>();
    held.forEachRun(
        (address, count, storedBy) -> {
          for (long at = address; at < address + count * PAGE; at += PAGE) {
            ByteBuffer page = IN_PARENT;
            if (storedBy == round) {
              page = ByteBuffer.allocate(PAGE);
              held.read(at, page);
              page.flip();
            }
            pages.put(at, page);
          }
        });
    return pages;
  }

  private static void write(PagesWriter file, NavigableMap<Long, ByteBuffer> pages)
      throws IOException {
    ByteBuffer source = ByteBuffer.allocateDirect(FrameCodec.MAX_SOURCE_BYTES);
    ByteBuffer frame =
        ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(FrameCodec.MAX_SOURCE_BYTES));
    try (FrameCodec codec = new FrameCodec(1)) {
      for (Map.Entry<Long, ByteBuffer> page : pages.entrySet()) {
        if (!page.getValue().hasRemaining()) {
          file.entry(page.getKey(), 1, PageKind.PARENT);
          continue;
        }
        file.entry(page.getKey(), 1, PageKind.PRESENT);
        source.put(page.getValue().duplicate());
        if (!source.hasRemaining()) {
          append(file, codec, source, frame);
        }
      }
      append(file, codec, source, frame);
    }
    file.finish();
  }

  private static void append(
      PagesWriter file, FrameCodec codec, ByteBuffer source, ByteBuffer frame) throws IOException {
    source.flip();
    if (source.hasRemaining()) {
      int bytes = source.remaining();
      codec.compress(source, frame.clear());
      file.append(frame, bytes, codec.digest(frame));
    }
    source.clear();
  }
}
