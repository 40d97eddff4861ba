package io.predump.images;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.predump.proto.RoundManifest;
import io.predump.proto.RoundPagesFile;
import io.predump.proto.RoundProcess;
import io.predump.proto.RoundSmallFile;
import io.predump.proto.RoundVma;
import io.predump.proto.RoundVmaPolicy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The codec of {@code round.img}.
 *
 * <pre>
 * file := u32 0x54564319      CRIU's common magic
 *         u32 0x49524450      "PDRI"
 *         u32 formatVersion   1
 *         u32 length          bytes of the message
 *         message             RoundManifest, proto/src/main/proto/round.proto
 *         sha256              32 bytes, of all preceding bytes
 * </pre>
 *
 * All little-endian. The hash is checked before anything else, then the magics, then the version,
 * then the content: a damaged file is never called old.
 */
final class ManifestFile {
  static final String NAME = "round.img";
  static final int MAGIC_COMMON = 0x54564319;
  static final int MAGIC_ROUND = 0x49524450;
  private static final int OLDEST_VERSION = 1;
  private static final int HEADER_BYTES = 16;
  private static final int SHA256_BYTES = 32;
  private static final int DIGEST_BYTES = 16;

  /** A file name in a manifest is a plain name, alone or after {@code criu/}; no other path. */
  private static final Pattern FILE_NAME =
      Pattern.compile("(?:" + CriuFiles.PREFIX + ")?[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");

  /** Entries of a round's directory that are not regular files. */
  private static final Set<String> RESERVED = Set.of("parent", CriuFiles.DIRECTORY);

  /** A decoded file with the SHA-256 of all its bytes. */
  record Signed(Manifest manifest, String sha256, long bytes) {}

  private ManifestFile() {}

  static boolean isFileName(String name) {
    return FILE_NAME.matcher(name).matches();
  }

  static byte[] encode(Manifest m) {
    byte[] message = toProto(m).toByteArray();
    ByteBuffer b =
        ByteBuffer.allocate(HEADER_BYTES + message.length + SHA256_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(MAGIC_COMMON).putInt(MAGIC_ROUND).putInt(m.formatVersion()).putInt(message.length);
    b.put(message);
    MessageDigest sha = Digests.sha256();
    sha.update(b.array(), 0, b.position());
    b.put(sha.digest());
    return b.array();
  }

  /** Reads {@code round.img} of a round's directory. */
  static Signed read(Path roundDirectory) throws IOException {
    Path file = roundDirectory.resolve(NAME);
    byte[] bytes = ImageFiles.readAll(file);
    return new Signed(decode(file, bytes), Digests.sha256Hex(bytes), bytes.length);
  }

  static Manifest decode(Path file, byte[] bytes) throws ImageException {
    if (bytes.length < HEADER_BYTES + SHA256_BYTES) {
      throw new ImageCorruptException(file, bytes.length, "truncated: bytes=" + bytes.length);
    }
    int signed = bytes.length - SHA256_BYTES;
    MessageDigest sha = Digests.sha256();
    sha.update(bytes, 0, signed);
    String actual = Digests.hex(sha.digest());
    String expected = HexFormat.of().formatHex(bytes, signed, bytes.length);
    if (!actual.equals(expected)) {
      throw new ImageCorruptException(
          file, -1, "sha256 expected=" + expected + " actual=" + actual);
    }
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    ImageFiles.expectMagic(file, b, MAGIC_COMMON);
    ImageFiles.expectMagic(file, b, MAGIC_ROUND);
    int version = b.getInt();
    if (Integer.compareUnsigned(version, Manifest.FORMAT_VERSION) > 0) {
      throw new ImageTooNewException(
          file,
          8,
          "format version="
              + Integer.toUnsignedString(version)
              + ": too new, this program reads up to "
              + Manifest.FORMAT_VERSION);
    }
    if (Integer.compareUnsigned(version, OLDEST_VERSION) < 0) {
      throw new ImageTooOldException(
          file,
          8,
          "format version="
              + Integer.toUnsignedString(version)
              + ": too old, this program reads from "
              + OLDEST_VERSION);
    }
    int length = b.getInt();
    if (length != signed - HEADER_BYTES) {
      throw new ImageCorruptException(
          file,
          12,
          "message length expected="
              + (signed - HEADER_BYTES)
              + " actual="
              + Integer.toUnsignedString(length));
    }
    RoundManifest p;
    try {
      p = RoundManifest.parseFrom(ByteBuffer.wrap(bytes, HEADER_BYTES, length));
    } catch (InvalidProtocolBufferException e) {
      throw new ImageCorruptException(file, HEADER_BYTES, "manifest: " + e.getMessage());
    }
    return new Content(file).manifest(version, p);
  }

  private static RoundManifest toProto(Manifest m) {
    RoundManifest.Builder p =
        RoundManifest.newBuilder()
            .setEngineVersion(m.engineVersion())
            .setKernelRelease(m.kernelRelease())
            .setBootId(m.bootId())
            .setRound(m.round())
            .setFinalFreeze(m.finalFreeze())
            .setTracker(m.tracker())
            .setOwedPages(m.owedPages())
            .setCreatedUnixMillis(m.createdUnixMillis())
            .setRecord(RoundRecords.message(m.record()))
            .addAllWarnings(m.warnings())
            .addAllNotVerified(m.notVerified());
    m.parent()
        .ifPresent(
            parent ->
                p.setParentRound(parent.round()).setParentSha256(sha256(parent.manifestSha256())));
    m.criu().ifPresent(criu -> p.setCriuVersion(criu.version()).setCriuMode(criu.mode().label()));
    for (ProcessIdentity i : m.processes()) {
      p.addProcesses(
          RoundProcess.newBuilder()
              .setPid(i.pid())
              .setVpid(i.vpid())
              .setStartTimeTicks(i.startTimeTicks())
              .setName(i.name()));
    }
    for (VmaRecord v : m.vmas()) {
      p.addVmas(
          RoundVma.newBuilder()
              .setPid(v.pid())
              .setStart(v.start())
              .setEnd(v.end())
              .setPolicy(RoundVmaPolicy.valueOf(v.policy().name()))
              .setReason(v.reason())
              .setName(v.name()));
    }
    for (SmallFile f : m.smallFiles()) {
      p.addSmallFiles(
          RoundSmallFile.newBuilder()
              .setName(f.name())
              .setBytes(f.bytes())
              .setSha256(sha256(f.sha256())));
    }
    for (PagesFile f : m.pagesFiles()) {
      FrameTable t = f.frames();
      RoundPagesFile.Builder pages =
          RoundPagesFile.newBuilder()
              .setName(f.name())
              .setPagemap(f.pagemap())
              .setBytes(f.bytes())
              .setSeekTableSha256(sha256(f.seekTableSha256()));
      ByteBuffer digests = ByteBuffer.allocate(Math.multiplyExact(t.count(), DIGEST_BYTES));
      for (int i = 0; i < t.count(); i++) {
        pages.addFrameCompressedBytes(t.compressedBytes(i));
        pages.addFrameSourceBytes(t.sourceBytes(i));
        FrameDigest d = t.digest(i);
        digests.putLong(d.high()).putLong(d.low());
      }
      pages.setFrameDigests(ByteString.copyFrom(digests.flip()));
      p.addPagesFiles(pages);
    }
    return p.build();
  }

  private static ByteString sha256(String hex) {
    return ByteString.copyFrom(HexFormat.of().parseHex(hex));
  }

  /** Checks and converts the content of one file. */
  private static final class Content {
    private final Path file;
    private final Set<String> names = new HashSet<>();

    Content(Path file) {
      this.file = file;
    }

    Manifest manifest(int version, RoundManifest p) throws ImageCorruptException {
      require(p.getRound() >= 1, "round=" + Integer.toUnsignedString(p.getRound()));
      require(
          p.hasParentRound() == p.hasParentSha256(), "parent round and parent sha256: one of two");
      Optional<Manifest.Parent> parent = Optional.empty();
      if (p.hasParentRound()) {
        require(
            p.getParentRound() >= 1 && p.getParentRound() == p.getRound() - 1,
            "round="
                + p.getRound()
                + " parent="
                + Integer.toUnsignedString(p.getParentRound())
                + ": not the round before");
        parent =
            Optional.of(
                new Manifest.Parent(
                    p.getParentRound(), hash("parent sha256", p.getParentSha256())));
      }
      List<ProcessIdentity> processes = new ArrayList<>();
      for (RoundProcess i : p.getProcessesList()) {
        processes.add(
            new ProcessIdentity(i.getPid(), i.getVpid(), i.getStartTimeTicks(), i.getName()));
      }
      List<VmaRecord> vmas = new ArrayList<>();
      for (RoundVma v : p.getVmasList()) {
        vmas.add(
            new VmaRecord(
                v.getPid(),
                v.getStart(),
                v.getEnd(),
                VmaPolicy.valueOf(v.getPolicy().name()),
                v.getReason(),
                v.getName()));
      }
      names.add(NAME);
      List<SmallFile> small = new ArrayList<>();
      for (RoundSmallFile f : p.getSmallFilesList()) {
        name(f.getName());
        require(f.getBytes() >= 0, f.getName() + ": bytes=" + f.getBytes());
        small.add(new SmallFile(f.getName(), f.getBytes(), hash(f.getName(), f.getSha256())));
      }
      List<PagesFile> pages = new ArrayList<>();
      int lastNumber = 0;
      for (RoundPagesFile f : p.getPagesFilesList()) {
        name(f.getName());
        int number = PagesWriter.fileNumber(f.getName());
        require(
            number > lastNumber, "pages file " + (pages.size() + 1) + " is called " + f.getName());
        lastNumber = number;
        require(
            PagesName.ofFile(f.getPagemap()).isPresent()
                && small.stream().anyMatch(s -> s.name().equals(f.getPagemap())),
            f.getName() + ": pagemap=" + f.getPagemap());
        pages.add(
            new PagesFile(
                f.getName(),
                f.getPagemap(),
                f.getBytes(),
                frames(f),
                hash(f.getName(), f.getSeekTableSha256())));
      }
      return new Manifest(
          version,
          p.getEngineVersion(),
          p.getKernelRelease(),
          p.getBootId(),
          p.getRound(),
          parent,
          p.getFinalFreeze(),
          processes,
          p.getTracker(),
          vmas,
          p.getOwedPages(),
          p.getCreatedUnixMillis(),
          RoundRecords.record(p.getRecord()),
          small,
          pages,
          p.getWarningsList(),
          p.getNotVerifiedList(),
          criu(p, small));
    }

    private Optional<CriuOrigin> criu(RoundManifest p, List<SmallFile> small)
        throws ImageCorruptException {
      require(p.hasCriuVersion() == p.hasCriuMode(), "criu version and criu mode: one of two");
      require(
          p.hasCriuVersion() == small.stream().anyMatch(CriuFiles::isOne),
          "criu version and files in " + CriuFiles.PREFIX + ": one of two");
      if (!p.hasCriuVersion()) {
        return Optional.empty();
      }
      Optional<CriuOrigin.Mode> mode = CriuOrigin.Mode.of(p.getCriuMode());
      require(mode.isPresent(), "criu mode=" + p.getCriuMode());
      return Optional.of(new CriuOrigin(p.getCriuVersion(), mode.orElseThrow()));
    }

    private FrameTable frames(RoundPagesFile f) throws ImageCorruptException {
      int count = f.getFrameCompressedBytesCount();
      require(
          f.getFrameSourceBytesCount() == count
              && f.getFrameDigests().size() == (long) count * DIGEST_BYTES,
          f.getName()
              + ": frames="
              + count
              + " sizes="
              + f.getFrameSourceBytesCount()
              + " digest bytes="
              + f.getFrameDigests().size());
      FrameTable.Builder table = new FrameTable.Builder();
      ByteBuffer digests = f.getFrameDigests().asReadOnlyByteBuffer();
      long fileBytes = SeekableZstd.tableBytes(count);
      int maxFrameBytes = FrameCodec.maxFrameBytes(FrameCodec.MAX_SOURCE_BYTES);
      for (int i = 0; i < count; i++) {
        int compressed = f.getFrameCompressedBytes(i);
        int source = f.getFrameSourceBytes(i);
        require(
            compressed > 0 && compressed <= maxFrameBytes && PagesWriter.isFrameSource(source),
            String.format(
                "%s: frame %d compressed bytes=%s source bytes=%s",
                f.getName(),
                i,
                Integer.toUnsignedString(compressed),
                Integer.toUnsignedString(source)));
        fileBytes += compressed;
        table.add(compressed, source, digests.getLong(), digests.getLong());
      }
      require(
          f.getBytes() == fileBytes,
          f.getName() + ": bytes expected=" + fileBytes + " actual=" + f.getBytes());
      return table.build();
    }

    private void name(String name) throws ImageCorruptException {
      require(isFileName(name) && !RESERVED.contains(name), "file name=" + name);
      require(names.add(name), "file name=" + name + ": twice");
    }

    private String hash(String of, ByteString sha256) throws ImageCorruptException {
      require(sha256.size() == SHA256_BYTES, of + ": sha256 bytes=" + sha256.size());
      return Digests.hex(sha256.toByteArray());
    }

    private void require(boolean holds, String detail) throws ImageCorruptException {
      if (!holds) {
        throw new ImageCorruptException(file, HEADER_BYTES, "manifest: " + detail);
      }
    }
  }
}
