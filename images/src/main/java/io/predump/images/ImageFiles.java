package io.predump.images;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.predump.proto.AioRingEntry;
import io.predump.proto.DumpStatsEntry;
import io.predump.proto.InventoryEntry;
import io.predump.proto.MmEntry;
import io.predump.proto.PstreeEntry;
import io.predump.proto.StatsEntry;
import io.predump.proto.VmaEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The codecs of CRIU's files that hold one record.
 *
 * <pre>
 * mm-PID.img    := u32 0x54564319 u32 0x57492820 record(mm_entry)
 * inventory.img := u32 0x58313116                record(inventory_entry)
 * stats-dump    := u32 0x55105940 u32 0x57093306 record(stats_entry)
 * record(M)     := u32 length, M as protobuf
 * </pre>
 *
 * All little-endian. Nothing follows the record.
 */
final class ImageFiles {
  static final int MAGIC_COMMON = 0x54564319;
  static final int MAGIC_SERVICE = 0x55105940;
  static final int MAGIC_INVENTORY = 0x58313116;
  static final int MAGIC_MM = 0x57492820;
  static final int MAGIC_PAGEMAP = 0x56084025;
  static final int MAGIC_STATS = 0x57093306;
  static final int MAGIC_PSTREE = 0x50273030;

  static final String INVENTORY = "inventory.img";
  static final String STATS = "stats-dump";

  private ImageFiles() {}

  static String mmName(int pid) {
    return "mm-" + pid + ".img";
  }

  /** Reads a whole regular file; a symlink, a directory or a missing file is corruption. */
  static byte[] readAll(Path file) throws IOException {
    requireRegular(file);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      long size = channel.size();
      if (size > Integer.MAX_VALUE - 8) {
        throw new ImageCorruptException(file, -1, "too large: bytes=" + size);
      }
      byte[] bytes = new byte[(int) size];
      readFully(channel, file, 0, bytes, bytes.length);
      return bytes;
    }
  }

  /** Reads {@code length} bytes at an offset; less is corruption. */
  static void readFully(FileChannel channel, Path file, long offset, byte[] bytes, int length)
      throws IOException {
    readFully(channel, file, offset, ByteBuffer.wrap(bytes, 0, length));
  }

  /** Fills a buffer from position 0 to its limit. */
  static void readFully(FileChannel channel, Path file, long offset, ByteBuffer b)
      throws IOException {
    try {
      while (b.hasRemaining()) {
        if (channel.read(b, offset + b.position()) < 0) {
          throw new ImageCorruptException(
              file, offset + b.position(), "truncated at offset " + (offset + b.position()));
        }
      }
    } catch (ImageCorruptException e) {
      throw e;
    } catch (IOException e) {
      throw Storage.failed(file, "read", e);
    }
  }

  static void requireRegular(Path file) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      boolean exists = Files.exists(file, LinkOption.NOFOLLOW_LINKS);
      throw new ImageCorruptException(file, -1, exists ? "not a regular file" : "missing");
    }
  }

  /** Target of a symlink as text, empty if there is none; anything else there is corruption. */
  static Optional<String> readLink(Path link) throws IOException {
    if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    if (!Files.isSymbolicLink(link)) {
      throw new ImageCorruptException(link, -1, "not a symbolic link");
    }
    try {
      return Optional.of(Files.readSymbolicLink(link).toString());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (FileSystemException e) {
      throw Storage.failed(link, "readlink", e);
    }
  }

  static void expectMagic(Path file, ByteBuffer b, int expected) throws ImageCorruptException {
    int offset = b.position();
    if (b.remaining() < 4) {
      throw new ImageCorruptException(file, offset, "truncated at offset " + b.limit());
    }
    int actual = b.getInt();
    if (actual != expected) {
      throw new ImageCorruptException(
          file,
          offset,
          String.format("magic at offset %d: expected=%08x actual=%08x", offset, expected, actual));
    }
  }

  private static byte[] file(MessageLite message, int... magics) {
    int length = message.getSerializedSize();
    ByteBuffer b =
        ByteBuffer.allocate(4 * magics.length + 4 + length).order(ByteOrder.LITTLE_ENDIAN);
    for (int magic : magics) {
      b.putInt(magic);
    }
    return b.putInt(length).put(message.toByteArray()).array();
  }

  private static <M extends MessageLite> M parse(
      Path file, byte[] bytes, Parser<M> parser, int... magics) throws ImageCorruptException {
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int magic : magics) {
      expectMagic(file, b, magic);
    }
    int offset = b.position();
    if (b.remaining() < 4) {
      throw new ImageCorruptException(file, offset, "truncated at offset " + b.limit());
    }
    int length = b.getInt();
    if (length != b.remaining()) {
      throw new ImageCorruptException(
          file,
          offset,
          String.format(
              "record length at offset %d: expected=%d actual=%s",
              offset, b.remaining(), Integer.toUnsignedString(length)));
    }
    try {
      return parser.parseFrom(bytes, b.position(), length);
    } catch (InvalidProtocolBufferException e) {
      throw new ImageCorruptException(
          file, b.position(), "record at offset " + offset + ": " + e.getMessage());
    }
  }

  static byte[] encode(InventoryImage i) {
    return file(
        InventoryEntry.newBuilder()
            .setImgVersion(i.imgVersion())
            .setFdinfoPerId(true)
            .setDumpUptime(i.dumpUptimeMicros())
            .build(),
        MAGIC_INVENTORY);
  }

  static InventoryImage inventory(Path file, byte[] bytes) throws ImageCorruptException {
    InventoryEntry e = parse(file, bytes, InventoryEntry.parser(), MAGIC_INVENTORY);
    return new InventoryImage(e.getImgVersion(), e.getDumpUptime());
  }

  static byte[] encode(DumpStatistics s) {
    return file(
        StatsEntry.newBuilder()
            .setDump(
                DumpStatsEntry.newBuilder()
                    .setFreezingTime(unsigned32(s.freezingMicros()))
                    .setFrozenTime(unsigned32(s.frozenMicros()))
                    .setMemdumpTime(unsigned32(s.memdumpMicros()))
                    .setMemwriteTime(unsigned32(s.memwriteMicros()))
                    .setPagesScanned(s.pagesScanned())
                    .setPagesSkippedParent(s.pagesSkippedParent())
                    .setPagesWritten(s.pagesWritten())
                    .setPagesLazy(s.pagesLazy()))
            .build(),
        MAGIC_SERVICE,
        MAGIC_STATS);
  }

  private static int unsigned32(long micros) {
    return (int) Math.max(0, Math.min(micros, 0xFFFF_FFFFL));
  }

  static DumpStatistics statistics(Path file, byte[] bytes) throws ImageCorruptException {
    StatsEntry e = parse(file, bytes, StatsEntry.parser(), MAGIC_SERVICE, MAGIC_STATS);
    if (!e.hasDump()) {
      throw new ImageCorruptException(file, 12, "no dump statistics");
    }
    DumpStatsEntry d = e.getDump();
    return new DumpStatistics(
        Integer.toUnsignedLong(d.getFreezingTime()),
        Integer.toUnsignedLong(d.getFrozenTime()),
        Integer.toUnsignedLong(d.getMemdumpTime()),
        Integer.toUnsignedLong(d.getMemwriteTime()),
        d.getPagesScanned(),
        d.getPagesSkippedParent(),
        d.getPagesWritten(),
        d.getPagesLazy());
  }

  static byte[] encode(MmImage m) {
    MmEntry.Builder e =
        MmEntry.newBuilder()
            .setMmStartCode(m.startCode())
            .setMmEndCode(m.endCode())
            .setMmStartData(m.startData())
            .setMmEndData(m.endData())
            .setMmStartStack(m.startStack())
            .setMmStartBrk(m.startBrk())
            .setMmBrk(m.brk())
            .setMmArgStart(m.argStart())
            .setMmArgEnd(m.argEnd())
            .setMmEnvStart(m.envStart())
            .setMmEnvEnd(m.envEnd())
            .setExeFileId(m.exeFileId())
            .addAllMmSavedAuxv(m.savedAuxv());
    for (VmaImage v : m.vmas()) {
      VmaEntry.Builder b =
          VmaEntry.newBuilder()
              .setStart(v.start())
              .setEnd(v.end())
              .setPgoff(v.fileOffsetBytes())
              .setShmid(v.sharedId())
              .setProt(v.protection())
              .setFlags(v.flags())
              .setStatus(v.status())
              .setFd(v.fd());
      v.advice().ifPresent(b::setMadv);
      v.openFlags().ifPresent(b::setFdflags);
      e.addVmas(b);
    }
    m.dumpable().ifPresent(e::setDumpable);
    for (MmImage.AioRing r : m.aioRings()) {
      e.addAios(
          AioRingEntry.newBuilder()
              .setId(r.id())
              .setNrReq(r.requestCount())
              .setRingLen(r.ringBytes()));
    }
    m.thpDisabled().ifPresent(e::setThpDisabled);
    return file(e.build(), MAGIC_COMMON, MAGIC_MM);
  }

  private static VmaImage vma(VmaEntry v) {
    return new VmaImage(
        v.getStart(),
        v.getEnd(),
        v.getPgoff(),
        v.getShmid(),
        v.getProt(),
        v.getFlags(),
        v.getStatus(),
        v.getFd(),
        v.hasMadv() ? OptionalLong.of(v.getMadv()) : OptionalLong.empty(),
        v.hasFdflags() ? OptionalInt.of(v.getFdflags()) : OptionalInt.empty());
  }

  /**
   * Reads the mappings of an {@code mm-PID.img} that CRIU wrote. Since 4.2 those of guard pages
   * follow the others, and lie within them.
   *
   * @return in the order of the file
   */
  static List<VmaImage> criuMappings(Path file, byte[] bytes) throws ImageCorruptException {
    MmEntry e = parse(file, bytes, MmEntry.parser(), MAGIC_COMMON, MAGIC_MM);
    List<VmaImage> vmas = new ArrayList<>();
    long end = 0;
    for (VmaEntry entry : e.getVmasList()) {
      VmaImage v = vma(entry);
      boolean ordered = v.isGuard() || Long.compareUnsigned(v.start(), end) >= 0;
      if (((v.start() | v.end()) & (PagesWriter.PAGE_BYTES - 1)) != 0
          || Long.compareUnsigned(v.end(), v.start()) <= 0
          || !ordered) {
        throw new ImageCorruptException(
            file,
            -1,
            String.format(
                "vma %d: 0x%x-0x%x: not ascending, page aligned ranges",
                vmas.size(), v.start(), v.end()));
      }
      end = v.isGuard() ? end : v.end();
      vmas.add(v);
    }
    return vmas;
  }

  /** Reads the processes of a {@code pstree.img}, in the order of the file. */
  static List<PstreeEntry> processes(Path file, byte[] bytes) throws ImageCorruptException {
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    expectMagic(file, b, MAGIC_COMMON);
    expectMagic(file, b, MAGIC_PSTREE);
    List<PstreeEntry> processes = new ArrayList<>();
    while (b.hasRemaining()) {
      int offset = b.position();
      if (b.remaining() < 4) {
        throw new ImageCorruptException(file, offset, "truncated at offset " + b.limit());
      }
      int length = b.getInt();
      if (length < 0 || length > b.remaining()) {
        throw new ImageCorruptException(
            file,
            offset,
            String.format(
                "record length at offset %d: left=%d actual=%s",
                offset, b.remaining(), Integer.toUnsignedString(length)));
      }
      try {
        processes.add(PstreeEntry.parser().parseFrom(bytes, b.position(), length));
      } catch (InvalidProtocolBufferException e) {
        throw new ImageCorruptException(
            file, b.position(), "record at offset " + offset + ": " + e.getMessage());
      }
      b.position(b.position() + length);
    }
    return processes;
  }

  static MmImage mm(Path file, byte[] bytes) throws ImageCorruptException {
    MmEntry e = parse(file, bytes, MmEntry.parser(), MAGIC_COMMON, MAGIC_MM);
    List<VmaImage> vmas = new ArrayList<>();
    long end = 0;
    for (VmaEntry v : e.getVmasList()) {
      if (((v.getStart() | v.getEnd()) & (PagesWriter.PAGE_BYTES - 1)) != 0
          || Long.compareUnsigned(v.getStart(), end) < 0
          || Long.compareUnsigned(v.getEnd(), v.getStart()) <= 0) {
        throw new ImageCorruptException(
            file,
            -1,
            String.format(
                "vma %d: 0x%x-0x%x: not ascending, page aligned ranges",
                vmas.size(), v.getStart(), v.getEnd()));
      }
      end = v.getEnd();
      vmas.add(vma(v));
    }
    List<MmImage.AioRing> rings = new ArrayList<>();
    for (AioRingEntry r : e.getAiosList()) {
      rings.add(new MmImage.AioRing(r.getId(), r.getNrReq(), r.getRingLen()));
    }
    return new MmImage(
        e.getMmStartCode(),
        e.getMmEndCode(),
        e.getMmStartData(),
        e.getMmEndData(),
        e.getMmStartStack(),
        e.getMmStartBrk(),
        e.getMmBrk(),
        e.getMmArgStart(),
        e.getMmArgEnd(),
        e.getMmEnvStart(),
        e.getMmEnvEnd(),
        e.getExeFileId(),
        e.getMmSavedAuxvList(),
        vmas,
        e.hasDumpable() ? OptionalInt.of(e.getDumpable()) : OptionalInt.empty(),
        rings,
        e.hasThpDisabled() ? Optional.of(e.getThpDisabled()) : Optional.empty());
  }
}
