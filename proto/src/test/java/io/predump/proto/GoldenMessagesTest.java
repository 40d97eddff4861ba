package io.predump.proto;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A golden file per message: its exact bytes as hexadecimal text on the first line, the decoded
 * message below. They are never edited; a change here is a change of the format.
 */
class GoldenMessagesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  private static final VmaEntry VMA =
      VmaEntry.newBuilder()
          .setStart(0x7f0000000000L)
          .setEnd(0x7f0000003000L)
          .setPgoff(0x2000)
          .setShmid(9)
          .setProt(3)
          .setFlags(0x22)
          .setStatus(0x201)
          .setFd(-1)
          .setMadv(1L << 14)
          .setFdflags(0x8000)
          .build();

  private static final AioRingEntry RING =
      AioRingEntry.newBuilder().setId(0x7f1000000000L).setNrReq(128).setRingLen(12288).build();

  private static final DumpStatsEntry DUMP =
      DumpStatsEntry.newBuilder()
          .setFreezingTime(1)
          .setFrozenTime(-1)
          .setMemdumpTime(3)
          .setMemwriteTime(4)
          .setPagesScanned(1L << 40)
          .setPagesSkippedParent(6)
          .setPagesWritten(7)
          .setIrmapResolve(8)
          .setPagesLazy(9)
          .build();

  private static final ByteString HASH =
      ByteString.copyFrom(HexFormat.of().parseHex("ab".repeat(32)));

  private static final RoundProcess PROCESS =
      RoundProcess.newBuilder()
          .setPid(4242)
          .setVpid(1)
          .setStartTimeTicks(99)
          .setName("a b")
          .build();

  private static final RoundVma ROUND_VMA =
      RoundVma.newBuilder()
          .setPid(4242)
          .setStart(0x1000)
          .setEnd(0x3000)
          .setPolicy(RoundVmaPolicy.SKIP)
          .setReason("shared regular file")
          .setName("/srv/data")
          .build();

  private static final RoundFigures FIGURES =
      RoundFigures.newBuilder()
          .setRound(1)
          .setScanMicros(2)
          .setArmMicros(3)
          .setReadMicros(4)
          .setCompressMicros(5)
          .setWriteMicros(6)
          .setSyncMicros(7)
          .setFrozenMicros(8)
          .setTotalMicros(9)
          .setVmasTotal(10)
          .setVmasNew(11)
          .setVmasGone(12)
          .setVmasSkipped(13)
          .setPagesScanned(14)
          .setPagesWritten(15)
          .setPagesZero(16)
          .setPagesSame(17)
          .setPagesDeferred(18)
          .setPagesOwed(19)
          .setPagesStored(20)
          .setPagesParent(21)
          .setBytesRead(22)
          .setBytesStored(23)
          .setDirtyBytesPerSecond(24)
          .setDirtyWindowMillis(25)
          .setPredictedDowntimeMicros(26)
          .setFloorMicros(-1)
          .setStopReason("downtime-limit")
          .build();

  private static final RoundSmallFile SMALL =
      RoundSmallFile.newBuilder().setName("mm-1.img").setBytes(300).setSha256(HASH).build();

  private static final RoundPagesFile PAGES =
      RoundPagesFile.newBuilder()
          .setName("pages-1.img.zst")
          .setPagemap("pagemap-1.img")
          .setBytes(1000)
          .addFrameCompressedBytes(400)
          .addFrameCompressedBytes(500)
          .addFrameSourceBytes(1 << 20)
          .addFrameSourceBytes(4096)
          .setFrameDigests(HASH)
          .setSeekTableSha256(HASH)
          .build();

  private static final CriuPageServer PAGE_SERVER =
      CriuPageServer.newBuilder().setAddress("127.0.0.1").setPort(27).setPid(28).setFd(29).build();

  private static final CriuInheritFd INHERIT_FD =
      CriuInheritFd.newBuilder().setKey("pipe:[30]").setFd(31).build();

  private static final CriuOptions OPTIONS =
      CriuOptions.newBuilder()
          .setImagesDirFd(-1)
          .setPid(4242)
          .setLeaveRunning(true)
          .setLogLevel(4)
          .setLogFile("dump.log")
          .setPs(PAGE_SERVER)
          .setNotifyScripts(true)
          .setParentImg("../1")
          .setTrackMem(true)
          .setAutoDedup(true)
          .setWorkDirFd(8)
          .setRstSibling(true)
          .addInheritFd(INHERIT_FD)
          .setFreezeCgroup("/sys/fs/cgroup/freezer/c")
          .setLazyPages(true)
          .setStatusFd(9)
          .setConfigFile("/etc/criu/runc.conf")
          .setPidfdStoreSk(10)
          .setImagesDir("/srv/images")
          .setLeaveStopped(true)
          .build();

  private static final CriuNotify NOTIFY =
      CriuNotify.newBuilder().setScript("post-dump").setPid(4242).build();

  private static final CriuFeatures FEATURES =
      CriuFeatures.newBuilder().setMemTrack(true).setLazyPages(true).setPidfdStore(true).build();

  private static final CriuVersion CRIU_VERSION =
      CriuVersion.newBuilder()
          .setMajorNumber(4)
          .setMinorNumber(2)
          .setGitid("v4.2")
          .setSublevel(1)
          .setExtra(5)
          .setName("name")
          .build();

  static Stream<String> names() {
    return samples().keySet().stream();
  }

  private static Map<String, Message> samples() {
    Map<String, Message> m = new LinkedHashMap<>();
    put(m, PagemapHead.newBuilder().setPagesId(3).build());
    put(
        m,
        PagemapEntry.newBuilder()
            .setVaddr(0x7f0000000000L)
            .setCompatNrPages(300)
            .setInParent(true)
            .setFlags(4)
            .setNrPages(300)
            .build());
    put(m, VMA);
    put(m, RING);
    put(
        m,
        MmEntry.newBuilder()
            .setMmStartCode(1)
            .setMmEndCode(2)
            .setMmStartData(3)
            .setMmEndData(4)
            .setMmStartStack(5)
            .setMmStartBrk(6)
            .setMmBrk(7)
            .setMmArgStart(8)
            .setMmArgEnd(9)
            .setMmEnvStart(10)
            .setMmEnvEnd(11)
            .setExeFileId(12)
            .addAllMmSavedAuxv(List.of(33L, -1L, 0L))
            .addVmas(VMA)
            .setDumpable(-1)
            .addAios(RING)
            .setThpDisabled(true)
            .build());
    put(
        m,
        InventoryEntry.newBuilder()
            .setImgVersion(2)
            .setFdinfoPerId(true)
            .setDumpUptime(123_456_789)
            .build());
    put(
        m,
        PstreeEntry.newBuilder()
            .setPid(4242)
            .setPpid(1)
            .setPgid(4240)
            .setSid(4239)
            .addThreads(4242)
            .addThreads(4243)
            .build());
    put(m, DUMP);
    put(m, StatsEntry.newBuilder().setDump(DUMP).build());
    put(m, PROCESS);
    put(m, ROUND_VMA);
    put(m, FIGURES);
    put(m, SMALL);
    put(m, PAGES);
    put(
        m,
        RoundManifest.newBuilder()
            .setEngineVersion("0.1.0")
            .setKernelRelease("6.18.0")
            .setBootId("boot")
            .setRound(2)
            .setParentRound(1)
            .setParentSha256(HASH)
            .setFinalFreeze(true)
            .setTracker("uffd-wp")
            .setOwedPages(5)
            .setCreatedUnixMillis(1_790_000_000_000L)
            .addProcesses(PROCESS)
            .addVmas(ROUND_VMA)
            .setRecord(FIGURES)
            .addSmallFiles(SMALL)
            .addPagesFiles(PAGES)
            .addWarnings("careful")
            .addNotVerified("a device")
            .setCriuVersion("4.2.1")
            .setCriuMode("veil")
            .build());
    put(m, PAGE_SERVER);
    put(m, INHERIT_FD);
    put(m, OPTIONS);
    put(m, NOTIFY);
    put(m, FEATURES);
    put(m, CRIU_VERSION);
    put(
        m,
        CriuRequest.newBuilder()
            .setType(1)
            .setOpts(OPTIONS)
            .setNotifySuccess(true)
            .setKeepOpen(true)
            .setFeatures(FEATURES)
            .build());
    put(
        m,
        CriuResponse.newBuilder()
            .setType(6)
            .setSuccess(true)
            .setNotify(NOTIFY)
            .setCrErrno(22)
            .setFeatures(FEATURES)
            .setCrErrmsg("why")
            .setVersion(CRIU_VERSION)
            .build());
    return m;
  }

  private static void put(Map<String, Message> samples, Message m) {
    samples.put(m.getDescriptorForType().getName(), m);
  }

  private static Message sample(String name) {
    Message m = samples().get(name);
    if (m == null) {
      throw new AssertionError(name);
    }
    return m;
  }

  @ParameterizedTest
  @MethodSource("names")
  void bytesAndMeaningStayTheSame(String name) throws IOException {
    Message message = sample(name);
    Path file = GOLDEN.resolve(name + ".txt");
    String now =
        HexFormat.of().formatHex(message.toByteArray())
            + "\n"
            + TextFormat.printer().printToString(message);
    if (Boolean.getBoolean("predump.golden.create") && !Files.exists(file)) {
      Files.createDirectories(GOLDEN);
      Files.writeString(file, now);
    }
    String golden = Files.readString(file);
    assertThat(now).isEqualTo(golden);
    int end = golden.indexOf('\n');
    Message read =
        message
            .newBuilderForType()
            .mergeFrom(HexFormat.of().parseHex(golden.substring(0, end)))
            .build();
    assertThat(TextFormat.printer().printToString(read)).isEqualTo(golden.substring(end + 1));
  }

  @Test
  void everyMessageAndEveryFieldIsInAGoldenFile() {
    Map<String, Message> samples = samples();
    for (Message m : samples.values()) {
      assertThat(m.getAllFields().keySet())
          .as(m.getDescriptorForType().getName())
          .containsExactlyInAnyOrderElementsOf(m.getDescriptorForType().getFields());
      assertThat(m.getDescriptorForType().getFile().getMessageTypes())
          .allSatisfy(t -> assertThat(samples).containsKey(t.getName()));
    }
  }

  @Test
  void aManifestOfBeforeNotVerifiedWasKnownIsReadTheSame() throws IOException {
    String golden = Files.readString(GOLDEN.resolve("RoundManifest.before-not-verified.txt"));
    int end = golden.indexOf('\n');

    RoundManifest read = RoundManifest.parseFrom(HexFormat.of().parseHex(golden.substring(0, end)));

    assertThat(TextFormat.printer().printToString(read)).isEqualTo(golden.substring(end + 1));
    assertThat(read.getNotVerifiedList()).isEmpty();
  }

  @Test
  void aManifestOfBeforeCriuWasKnownIsReadTheSame() throws IOException {
    String golden = Files.readString(GOLDEN.resolve("RoundManifest.before-criu.txt"));
    int end = golden.indexOf('\n');

    RoundManifest read = RoundManifest.parseFrom(HexFormat.of().parseHex(golden.substring(0, end)));

    assertThat(TextFormat.printer().printToString(read)).isEqualTo(golden.substring(end + 1));
    assertThat(read.hasCriuVersion()).isFalse();
    assertThat(read.hasCriuMode()).isFalse();
  }

  @Test
  void theAuxiliaryVectorIsNotPacked() {
    byte[] bytes = sample("MmEntry").toByteArray();
    // field 13, varint, once per element
    assertThat(HexFormat.of().formatHex(bytes))
        .contains("6821" + "68ffffffffffffffffff01" + "6800");
  }

  @Test
  void whatARequestHoldsThatWeDoNotKnowIsPassedOn() throws IOException {
    // a type of the future; of the options an external mount (23), and the cgroup mode (34), an
    // enum
    byte[] asked =
        HexFormat.of().parseHex("0863" + "120e" + "0807" + "ba01060a012f12012f" + "900204");

    CriuRequest read = CriuRequest.parseFrom(asked);
    CriuRequest changed =
        read.toBuilder().setOpts(read.getOpts().toBuilder().setImagesDirFd(9)).build();

    assertThat(read.getType()).isEqualTo(99);
    assertThat(HexFormat.of().formatHex(changed.toByteArray()))
        .isEqualTo("0863" + "120e" + "0809" + "ba01060a012f12012f" + "900204");
  }

  @Test
  void bothPageCountsAreWrittenUnderCriusNumbers() {
    assertThat(PagemapEntry.VADDR_FIELD_NUMBER).isEqualTo(1);
    assertThat(PagemapEntry.COMPAT_NR_PAGES_FIELD_NUMBER).isEqualTo(2);
    assertThat(PagemapEntry.IN_PARENT_FIELD_NUMBER).isEqualTo(3);
    assertThat(PagemapEntry.FLAGS_FIELD_NUMBER).isEqualTo(4);
    assertThat(PagemapEntry.NR_PAGES_FIELD_NUMBER).isEqualTo(5);
  }
}
