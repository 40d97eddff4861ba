package io.predump.images;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;

/**
 * Writes one pagemap and its pages file. Made by {@link RoundWriter#pages}, which owns it; one
 * thread at a time.
 *
 * <p>Frames ({@link #append}) and entries ({@link #entry}) may be interleaved in any way: the
 * source bytes of all frames, put together, are the PRESENT pages in the order of their entries.
 *
 * <p>The pagemap, in CRIU's format:
 *
 * <pre>
 * pagemap-PID.img := u32 0x54564319 u32 0x56084025 record(pagemap_head) record(pagemap_entry)*
 * record(M)       := u32 length, M as protobuf
 * pagemap_head    := 1: pages_id
 * pagemap_entry   := 1: vaddr, 2: compat_nr_pages, 4: flags, 5: nr_pages
 * </pre>
 *
 * Entries ascend and do not overlap; neighbours differ in flags or leave a gap. The pages file is
 * {@link SeekableZstd}.
 */
public final class PagesWriter {
  /** Bytes of a page. */
  static final int PAGE_BYTES = 4096;

  private static final String FILE_PREFIX = "pages-";
  private static final int MAX_ID_DIGITS = 9;

  private final RoundWriter owner;
  private final Storage storage;
  private final PagesName name;
  private final int id;
  private final Path pagesFile;
  private final FileChannel pages;
  private final PagemapOutput pagemap;
  private final PagemapEncoder entries;
  private final WriteBehind writeBehind;
  private final FrameTable.Builder frames = new FrameTable.Builder();

  private long frameBytes;
  private long sourceBytes;
  private long presentPages;
  private long parentPages;
  private boolean finished;

  PagesWriter(RoundWriter owner, Storage storage, Path directory, PagesName name, int id)
      throws IOException {
    this.owner = owner;
    this.storage = storage;
    this.name = name;
    this.id = id;
    pagesFile = directory.resolve(fileName(id));
    Path pagemapFile = directory.resolve(name.fileName());
    pages = storage.createFile(pagesFile);
    writeBehind = new WriteBehind(storage, pages, pagesFile);
    try {
      pagemap = new PagemapOutput(storage, pagemapFile);
    } catch (IOException e) {
      try {
        storage.close(pages, pagesFile);
      } catch (IOException f) {
        e.addSuppressed(f);
      }
      throw e;
    }
    entries = new PagemapEncoder(pagemap, id);
  }

  /** Name of pages file {@code id}. */
  static String fileName(int id) {
    return FILE_PREFIX + id + ".img.zst";
  }

  /** The id in a name {@link #fileName} gave, 0 if it gave none such. */
  static int fileNumber(String name) {
    for (int digits = 1; digits <= MAX_ID_DIGITS; digits++) {
      int end = FILE_PREFIX.length() + digits;
      if (name.startsWith(FILE_PREFIX) && end < name.length()) {
        String id = name.substring(FILE_PREFIX.length(), end);
        if (id.chars().allMatch(c -> c >= '0' && c <= '9')
            && name.equals(fileName(Integer.parseInt(id)))) {
          return Integer.parseInt(id);
        }
      }
    }
    return 0;
  }

  static boolean isFrameSource(int sourceBytes) {
    return sourceBytes > 0
        && sourceBytes <= FrameCodec.MAX_SOURCE_BYTES
        && sourceBytes % PAGE_BYTES == 0;
  }

  /**
   * Writes one compressed frame after those before it.
   *
   * @param frame direct, position to limit is one frame of {@link FrameCodec#compress}; consumed
   * @param sourceBytes the frame's source bytes, a positive multiple of 4096 of at most 1 MiB
   * @param digest the frame's digest
   * @throws IOException if the disk is full or fails; names the file and the reason
   */
  public void append(ByteBuffer frame, int sourceBytes, FrameDigest digest) throws IOException {
    requireUnfinished();
    if (!isFrameSource(sourceBytes) || !frame.hasRemaining()) {
      throw new IllegalArgumentException(
          "append: sourceBytes=" + sourceBytes + " frameBytes=" + frame.remaining());
    }
    int bytes = frame.remaining();
    storage.write(pages, pagesFile, frame);
    frames.add(bytes, sourceBytes, digest.high(), digest.low());
    frameBytes += bytes;
    this.sourceBytes += sourceBytes;
    owner.wrote(bytes);
    writeBehind.wrote(bytes);
  }

  /**
   * Lists a run of pages. Adjacent runs of the same kind become one entry.
   *
   * @param vaddr address of the first page, page aligned, not below the end of the run before
   * @param pageCount number of pages, at least 1
   * @param kind where the bytes are
   * @throws IllegalArgumentException if the address is not aligned, overlaps or descends, or the
   *     range wraps around
   * @throws IOException if the disk is full or fails; names the file and the reason
   */
  public void entry(long vaddr, long pageCount, PageKind kind) throws IOException {
    requireUnfinished();
    entries.entry(vaddr, pageCount, kind);
    if (kind == PageKind.PRESENT) {
      presentPages += pageCount;
    } else {
      parentPages += pageCount;
    }
  }

  /**
   * Ends both files. Nothing is durable before {@link RoundWriter#commit}.
   *
   * @throws IllegalStateException if the PRESENT pages are not exactly the source bytes of the
   *     frames, or if called twice
   * @throws IOException if the disk is full or fails; names the file and the reason
   */
  public void finish() throws IOException {
    requireUnfinished();
    if (sourceBytes != presentPages * PAGE_BYTES) {
      throw new IllegalStateException(
          pagesFile + ": sourceBytes=" + sourceBytes + " presentPages=" + presentPages);
    }
    entries.finish();
    byte[] table = SeekableZstd.table(frames.build());
    owner.wrote(table.length);
    owner.wrote(pagemap.bytes);
    String tableSha256 = Digests.sha256Hex(table);
    storage.write(pages, pagesFile, ByteBuffer.wrap(table));
    owner.finished(
        new PagesFile(
            fileName(id), name.fileName(), frameBytes + table.length, frames.build(), tableSha256),
        new SmallFile(name.fileName(), pagemap.bytes, Digests.hex(pagemap.sha256.digest())));
    finished = true;
  }

  /** PRESENT pages so far. */
  public long presentPages() {
    return presentPages;
  }

  /** PARENT pages so far. */
  public long parentPages() {
    return parentPages;
  }

  /** Bytes of the frames so far. */
  public long frameBytes() {
    return frameBytes;
  }

  boolean isFinished() {
    return finished;
  }

  PagesName name() {
    return name;
  }

  List<String> fileNames() {
    return List.of(fileName(id), name.fileName());
  }

  void sync() throws IOException {
    writeBehind.await();
    storage.sync(pages, pagesFile);
    storage.sync(pagemap.channel, pagemap.file);
  }

  void closeFiles() throws IOException {
    finished = true;
    try {
      storage.close(pages, pagesFile);
    } finally {
      storage.close(pagemap.channel, pagemap.file);
    }
  }

  private void requireUnfinished() {
    if (finished) {
      throw new IllegalStateException(name + ": finished");
    }
  }

  /** A small file written as a stream, hashed on the way. */
  private static final class PagemapOutput extends OutputStream {
    private final Storage storage;
    private final Path file;
    private final FileChannel channel;
    private final MessageDigest sha256 = Digests.sha256();
    private long bytes;

    PagemapOutput(Storage storage, Path file) throws IOException {
      this.storage = storage;
      this.file = file;
      channel = storage.createFile(file);
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] b, int offset, int length) throws IOException {
      storage.write(channel, file, ByteBuffer.wrap(b, offset, length));
      sha256.update(b, offset, length);
      bytes += length;
    }
  }
}
