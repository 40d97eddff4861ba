package io.predump.images;

import com.google.protobuf.MessageLite;
import io.predump.proto.MmEntry;
import io.predump.proto.PagemapEntry;
import io.predump.proto.PagemapHead;
import io.predump.proto.PstreeEntry;
import io.predump.proto.VmaEntry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes images as CRIU 4.2 does, for processes that never were. */
final class TestCriu {
  static final int LAZY = 2;
  static final int PRESENT = 4;

  private TestCriu() {}

  /** {@code magics} then each record after its length. */
  static byte[] file(List<? extends MessageLite> records, int... magics) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int magic : magics) {
      out.write(littleEndian(magic));
    }
    for (MessageLite record : records) {
      out.write(littleEndian(record.getSerializedSize()));
      out.write(record.toByteArray());
    }
    return out.toByteArray();
  }

  private static byte[] littleEndian(int value) {
    return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
  }

  static PstreeEntry process(int vpid, int parent) {
    return PstreeEntry.newBuilder()
        .setPid(vpid)
        .setPpid(parent)
        .setPgid(vpid)
        .setSid(vpid)
        .addThreads(vpid)
        .build();
  }

  static void pstree(Path directory, PstreeEntry... processes) throws IOException {
    Files.write(
        directory.resolve("pstree.img"),
        file(List.of(processes), ImageFiles.MAGIC_COMMON, ImageFiles.MAGIC_PSTREE));
  }

  static VmaEntry vma(long start, long pages, int status) {
    return VmaEntry.newBuilder()
        .setStart(start)
        .setEnd(start + pages * TestChains.PAGE)
        .setPgoff(0)
        .setShmid(0)
        .setProt(3)
        .setFlags(0x22)
        .setStatus(status)
        .setFd(-1)
        .build();
  }

  static void mm(Path directory, int vpid, VmaEntry... vmas) throws IOException {
    MmEntry mm =
        MmEntry.newBuilder()
            .setMmStartCode(0)
            .setMmEndCode(0)
            .setMmStartData(0)
            .setMmEndData(0)
            .setMmStartStack(0)
            .setMmStartBrk(0)
            .setMmBrk(0)
            .setMmArgStart(0)
            .setMmArgEnd(0)
            .setMmEnvStart(0)
            .setMmEnvEnd(0)
            .setExeFileId(1)
            .addAllVmas(List.of(vmas))
            .build();
    Files.write(
        directory.resolve("mm-" + vpid + ".img"),
        file(List.of(mm), ImageFiles.MAGIC_COMMON, ImageFiles.MAGIC_MM));
  }

  /** An entry as CRIU 4.2 writes it: the narrow count is 0. */
  static PagemapEntry entry(long vaddr, long pages, int flags) {
    return PagemapEntry.newBuilder()
        .setVaddr(vaddr)
        .setCompatNrPages(0)
        .setFlags(flags)
        .setNrPages(pages)
        .build();
  }

  static void pagemap(Path directory, int vpid, int pagesId, PagemapEntry... entries)
      throws IOException {
    List<MessageLite> records = new ArrayList<>();
    records.add(PagemapHead.newBuilder().setPagesId(pagesId).build());
    records.addAll(List.of(entries));
    Files.write(
        directory.resolve("pagemap-" + vpid + ".img"),
        file(records, ImageFiles.MAGIC_COMMON, ImageFiles.MAGIC_PAGEMAP));
  }

  /** {@code pages-N.img}. */
  static void pages(Path directory, int pagesId, byte[]... pages) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] page : pages) {
      out.write(page);
    }
    Files.write(directory.resolve("pages-" + pagesId + ".img"), out.toByteArray());
  }
}
