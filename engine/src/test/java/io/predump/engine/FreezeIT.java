package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ResolvedPages;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The final freeze, and what it must not forget. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class FreezeIT {
  private static final int SIGUSR1 = 10;
  private static final int SIGCONT = 18;
  private static final int SIGSTOP = 19;
  private static final long PAGE = PageTable.PAGE_BYTES;
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;

  @Test
  void writesFrozenWhatExceedsTheBufferAndSaysSo() throws IOException {
    FreezeRecord freeze = freezeWith32MibDirty(OPTIONS.withFreezeBufferBytes(1 << 20));

    assertThat(freeze.readBytes()).isGreaterThanOrEqualTo(32 << 20);
    assertThat(freeze.writtenFrozenBytes())
        .isBetween(freeze.readBytes() - (1 << 20), freeze.readBytes());
  }

  /** The control: with room for all of it nothing is written under the freeze. */
  @Test
  void writesNothingFrozenWhenTheBufferIsLargeEnough() throws IOException {
    FreezeRecord freeze = freezeWith32MibDirty(OPTIONS);

    assertThat(freeze.readBytes()).isGreaterThanOrEqualTo(32 << 20);
    assertThat(freeze.writtenFrozenBytes()).isZero();
  }

  private FreezeRecord freezeWith32MibDirty(SessionOptions options) throws IOException {
    try (LiveTarget target = Targets.ready("filler", 32, 100);
        PreDumpSession session = attach(target, options)) {
      assertThat(session.round()).isPresent();
      target.signal(SIGUSR1);
      assertThat(target.nextLine()).isEqualTo("done");
      FinalRound last = session.finish(true).orElseThrow();

      assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
      assertThat(last.record().frozenMicros()).isEqualTo(last.freeze().frozenMicros());
      assertThat(target.isAlive()).isTrue();
      return last.freeze();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void capturesAProcessWhoseThreadsAreBornDuringTheFreeze(int mothers) throws IOException {
    try (LiveTarget target =
        LiveTarget.start(
            CProgram.resource(CProgram.class, "awkward.c"), "births", String.valueOf(mothers))) {
      target.nextLine();
      for (int i = 0; i < 3; i++) {
        try (PreDumpSession session =
            PreDumpSession.attach(target.pid(), directory.resolve("images" + i), OPTIONS)) {
          assertThat(session.round()).isPresent();
          FinalRound last = session.finish(true).orElseThrow();

          assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
          assertThat(last.freeze().threadCount()).isGreaterThan(mothers);
        }
        Targets.awaitProgress(target);
      }
    }
  }

  @Test
  void aTargetThatASignalStoppedStaysStopped() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 1, 16, 300);
        PreDumpSession session = attach(target, OPTIONS)) {
      assertThat(session.round()).isPresent();
      target.signal(SIGSTOP);
      Targets.await("stopped", () -> Targets.threadStates(target.pid()).equals("TTT"));

      FinalRound last = session.finish(true).orElseThrow();

      assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
      Targets.await("stopped again", () -> Targets.threadStates(target.pid()).equals("TTT"));
      LiveTarget.pause(50);
      assertThat(Targets.threadStates(target.pid())).isEqualTo("TTT");
      target.signal(SIGCONT);
      Targets.awaitProgress(target);
    }
  }

  @Test
  void attachesToATargetThatASignalStoppedAndLeavesItStopped() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 2, 16, 300)) {
      target.signal(SIGSTOP);
      Targets.await("stopped", () -> Targets.threadStates(target.pid()).equals("TTT"));
      try (PreDumpSession session = attach(target, OPTIONS)) {
        assertThat(session.round()).isPresent();
        assertThat(session.finish(true).orElseThrow().verify().orElseThrow().firstDifferences())
            .isEmpty();
      }
      Targets.await("stopped again", () -> Targets.threadStates(target.pid()).equals("TTT"));
      target.signal(SIGCONT);
      Targets.awaitProgress(target);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void capturesMemoryOfEveryKind(boolean rewrittenBeforeTheFreeze) throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = LiveTarget.start(Targets.program("kinds"))) {
      Addresses addresses = new Addresses(new HashMap<>());
      for (String line = target.nextLine(); !line.equals("ready"); line = target.nextLine()) {
        String[] words = line.split(" ", -1);
        addresses.byName.put(words[0], Long.parseUnsignedLong(words[1], 16));
      }
      VerifyResult verify;
      try (PreDumpSession session = attach(target, OPTIONS)) {
        assertThat(session.round()).isPresent();
        if (rewrittenBeforeTheFreeze) {
          assertThat(target.ask("again")).isEqualTo("done");
        }
        verify = session.finish(true).orElseThrow().verify().orElseThrow();
      }
      assertThat(verify.firstDifferences()).isEmpty();

      List<Vma> vmas = MemoryMap.read(target.pid()).vmas();
      try (ImageChain chain = ImageChain.open(images)) {
        ResolvedPages pages = chain.pages(PagesName.ofProcess(target.pid().number()));
        for (int i = 0; i < 8; i++) {
          assertThat(content(pages, addresses.of("none") + i * PAGE))
              .as("none %d", i)
              .isEqualTo("data");
          assertThat(content(pages, addresses.of("readonly") + i * PAGE))
              .as("read-only %d", i)
              .isEqualTo("data");
          assertThat(content(pages, addresses.of("file") + i * PAGE))
              .as("private file %d: zeros written over it are data", i)
              .isEqualTo(i < 4 ? "zeros" : "nothing");
          assertThat(content(pages, addresses.of("anon") + i * PAGE))
              .as("the control: zeros in anonymous memory are dropped %d", i)
              .isEqualTo("nothing");
          assertThat(content(pages, addresses.of("shared") + i * PAGE)).isEqualTo("nothing");
        }
        Vma shared =
            vmas.stream()
                .filter(v -> v.start() == addresses.of("shared"))
                .findFirst()
                .orElseThrow();
        ResolvedPages object = chain.pages(PagesName.ofShared(shared.inode()));
        assertThat(object.pageCount()).isEqualTo(8);
        assertThat(content(object, 0)).isEqualTo("data");
      }
    }
  }

  private record Addresses(Map<String, Long> byName) {
    long of(String name) {
      return Objects.requireNonNull(byName.get(name), name);
    }
  }

  private static String content(ResolvedPages pages, long address) throws IOException {
    if (pages.roundOf(address) < 0) {
      return "nothing";
    }
    ByteBuffer page = ByteBuffer.allocate(PageTable.PAGE_BYTES);
    pages.read(address, page);
    return page.flip().mismatch(ByteBuffer.allocate(PageTable.PAGE_BYTES)) < 0 ? "zeros" : "data";
  }

  private PreDumpSession attach(LiveTarget target, SessionOptions options) throws IOException {
    return PreDumpSession.attach(target.pid(), directory.resolve("images"), options);
  }
}
