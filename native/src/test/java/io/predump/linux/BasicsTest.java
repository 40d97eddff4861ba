package io.predump.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BasicsTest {
  @Test
  void rangesCompareUnsigned() {
    AddressRange high = new AddressRange(0x7ffffffff000L, 0xffffffffff600000L);

    assertThat(high).hasToString("0x7ffffffff000-0xffffffffff600000");
    assertThat(high.contains(0x8000000000000000L)).isTrue();
    assertThat(high.contains(0xffffffffff600000L)).isFalse();
    assertThat(high.intersects(new AddressRange(0, 0x7ffffffff000L))).isFalse();
    assertThat(high.intersects(new AddressRange(0, 0x7ffffffff001L))).isTrue();
    assertThat(new AddressRange(1, -1)).isGreaterThan(new AddressRange(0, 5));
    assertThat(new AddressRange(0x1000, 0x3000).pageCount()).isEqualTo(2);
    assertThat(new AddressRange(0x1fff, 0x3001).pageCount()).isEqualTo(3);
    assertThat(new AddressRange(0x1000, 0x1000).pageCount()).isZero();
    assertThatThrownBy(() -> new AddressRange(-1, 1))
        .hasMessage("range ends before it starts: start=0xffffffffffffffff end=0x1");
  }

  @Test
  void aDescriptorOfAProcessIsTheSameOpenFileHere(@TempDir Path directory) throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "one");
    Pid self = Pid.self();
    int closed;
    try (Fd fd = Fd.openReadWrite(file.toString());
        Fd copy = new RemoteFd(fd.number()).copyFrom(self)) {
      closed = fd.number();
      Files.move(file, directory.resolve("moved"));
      assertThat(copy.number()).isNotEqualTo(fd.number());
      assertThat(Files.readSymbolicLink(Path.of("/proc/self/fd/" + copy.number())))
          .isEqualTo(directory.resolve("moved"));
      assertThat(fd.tryLockExclusive()).isTrue();
      assertThat(copy.tryLockExclusive()).as("one open file, one lock").isTrue();
    }
    assertThatThrownBy(() -> new RemoteFd(closed + 100_000).copyFrom(self))
        .hasMessageContaining("pidfd_getfd(fd " + (closed + 100_000) + " of pid " + self)
        .hasMessageContaining("EBADF");
    assertThatThrownBy(() -> new RemoteFd(0).copyFrom(new Pid(4_194_303)))
        .hasMessage("pidfd_open(4194303): ESRCH");
  }

  @Test
  void aBufferIsZeroAlignedAndGoneWhenClosed() throws SyscallException {
    NativeBuffer buffer = NativeBuffer.allocate(5000);

    assertThat(buffer.byteCount()).isEqualTo(8192);
    assertThat(buffer.address() % 4096).isZero();
    buffer.bytes().putInt(4096, 0x01020304);
    buffer.prefault(1 << 20);
    assertThat(buffer.bytes().get(4096)).as("little-endian, kept").isEqualTo((byte) 4);
    assertThatThrownBy(() -> buffer.bytes(8192, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    buffer.close();
    buffer.close();
    assertThatThrownBy(buffer::bytes).hasMessage("buffer is closed");
    assertThatThrownBy(() -> NativeBuffer.allocate(1L << 60))
        .hasMessage("mmap(anonymous, bytes=1152921504606846976): ENOMEM");
  }

  @Test
  void oneDescriptorLocksTheOtherDoesNot(@TempDir Path directory) throws IOException {
    try (Fd second = Fd.openDirectory(directory.toString())) {
      Fd closed;
      try (Fd first = Fd.openDirectory(directory.toString())) {
        assertThat(first.tryLockExclusive()).isTrue();
        assertThat(first.tryLockExclusive()).isTrue();
        assertThat(second.tryLockExclusive()).isFalse();
        first.sync();
        closed = first;
      }
      assertThat(second.tryLockExclusive()).isTrue();
      assertThatThrownBy(closed::number).hasMessage("descriptor is closed: " + directory);
    }
    Path file = Files.writeString(directory.resolve("f"), "x");
    assertThatThrownBy(() -> Fd.openDirectory(file.toString()))
        .isInstanceOf(SyscallException.class)
        .hasMessage("open(" + file + "): ENOTDIR");
  }

  @Test
  void anotherArchitectureIsRefusedByName() {
    Architecture.require("x86-64");
    assertThat(Architecture.spelled("amd64")).isEqualTo("x86-64");
    assertThatThrownBy(() -> Architecture.require(Architecture.spelled("aarch64")))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage("x86-64 only for now, this machine is aarch64");
  }

  @Test
  void pidsAndDescriptorsOfOthersAreValues() {
    assertThat(Pid.self().number()).isEqualTo((int) ProcessHandle.current().pid());
    assertThat(new Pid(7).procPath("maps")).isEqualTo("/proc/7/maps");
    assertThat(new RemoteFd(3)).hasToString("remote fd 3");
    assertThatThrownBy(() -> new Pid(0)).hasMessage("not a pid: 0");
    assertThatThrownBy(() -> Ioctl.read('f', 16, 1 << 14))
        .hasMessage("no ioctl: group=102 number=16 bytes=16384");
  }

  @Test
  void aKernelWithoutThePagemapScanIsToldWithItsReason() {
    KernelFeatures features =
        KernelFeatures.probe(
            (fd, request, argument) ->
                request == PmScanArg.PAGEMAP_SCAN
                    ? -Errno.ENOTTY.number()
                    : IoctlBinding.KERNEL.ioctl(fd, request, argument));

    assertThat(features.pagemapScan())
        .isEqualTo(
            new Feature("pagemap-scan", false, "ioctl PAGEMAP_SCAN: ENOTTY, needs Linux 6.7"));
    assertThat(features.guardCategory().reason()).isEqualTo("pagemap-scan is lacking");
    assertThat(features.reportsHoles()).isFalse();
    assertThat(features.tracksByWriteProtection()).isFalse();
  }

  @Test
  void everyAnswerHasAReason() {
    KernelFeatures features = KernelFeatures.current();
    System.out.println(features.kernelRelease() + ", " + features.architecture());
    for (Feature feature : features.all()) {
      System.out.println(feature);
      assertThat(feature.reason()).isNotEmpty();
    }
    assertThat(features.architecture()).isEqualTo("x86-64");
    assertThat(KernelFeatures.current()).isSameAs(features);
  }
}
