package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.StopReason;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JsonTest {
  @Test
  void aRunCarriesEveryFieldUnderTheNameOfItsComponent() throws IOException {
    Map<String, String> json =
        Invocation.scalars(
            Json.object(
                o ->
                    Json.run(
                        o,
                        "/var/tmp/x",
                        "uffd-wp",
                        Samples.result(StopReason.ROUND_LIMIT, Optional.of(Samples.different())))));
    assertThat(json)
        .containsEntry("imagesDir", "/var/tmp/x")
        .containsEntry("tracker", "uffd-wp")
        .containsEntry("stoppedMicros", "96")
        .containsEntry("rounds.length", "2")
        .containsEntry("rounds[0].round", "1")
        .containsEntry("rounds[0].scanMicros", "12345")
        .containsEntry("rounds[0].armMicros", "20000")
        .containsEntry("rounds[0].readMicros", "62000")
        .containsEntry("rounds[0].compressMicros", "459700")
        .containsEntry("rounds[0].writeMicros", "46100")
        .containsEntry("rounds[0].syncMicros", "9000")
        .containsEntry("rounds[0].totalMicros", "600000")
        .containsEntry("rounds[0].vmas.total", "120")
        .containsEntry("rounds[0].vmas.new", "120")
        .containsEntry("rounds[0].vmas.gone", "0")
        .containsEntry("rounds[0].vmas.skipped", "3")
        .containsEntry("rounds[0].floorMicros", "-1")
        .containsEntry("rounds[1].frozenMicros", "1950")
        .containsEntry("rounds[1].pages.scanned", "90000")
        .containsEntry("rounds[1].pages.written", "1192")
        .containsEntry("rounds[1].pages.zero", "3")
        .containsEntry("rounds[1].pages.same", "212")
        .containsEntry("rounds[1].pages.deferred", "0")
        .containsEntry("rounds[1].pages.owed", "0")
        .containsEntry("rounds[1].pages.stored", "973")
        .containsEntry("rounds[1].pages.parent", "55916")
        .containsEntry("rounds[1].bytes.read", "4882432")
        .containsEntry("rounds[1].bytes.stored", "3355443")
        .containsEntry("rounds[1].ratio", "1.188")
        .containsEntry("rounds[1].dirtyRate.bytesPerSecond", "58405683")
        .containsEntry("rounds[1].dirtyRate.windowMillis", "83")
        .containsEntry("rounds[1].predictedDowntimeMicros", "0")
        .containsEntry("rounds[1].stopReason", "")
        .containsEntry("stopReason", "ROUND_LIMIT")
        .containsEntry("freeze.method", "ptrace")
        .containsEntry("freeze.threadCount", "14")
        .containsEntry("freeze.stopMicros", "210")
        .containsEntry("freeze.scanMicros", "900")
        .containsEntry("freeze.readMicros", "840")
        .containsEntry("freeze.frozenMicros", "1950")
        .containsEntry("freeze.pageCount", "1192")
        .containsEntry("freeze.readBytes", "4882432")
        .containsEntry("freeze.writtenFrozenBytes", "0")
        .containsEntry("verify.compared", "73254")
        .containsEntry("verify.equal", "73251")
        .containsEntry("verify.different", "3")
        .containsEntry("verify.firstDifferences.length", "2")
        .containsEntry("verify.firstDifferences[0].address", "0x7f94ff681000")
        .containsEntry("verify.firstDifferences[0].vma", "7f94ff681000-7f94ff685000 rw-p")
        .containsEntry("verify.firstDifferences[0].round", "1")
        .containsEntry("verify.firstDifferences[0].kind", "STALE")
        .containsEntry("verify.firstDifferences[1].address", "0xffffffffff600000")
        .containsEntry("verify.verifyFrozenMicros", "589900")
        .containsEntry("warnings.length", "1")
        .containsEntry("warnings[0]", "a warning");
  }

  @Test
  void whatWasNotDoneIsNull() throws IOException {
    String text =
        Json.object(
            o ->
                Json.run(
                    o, "/x", "uffd-wp", Samples.result(StopReason.DEADLINE, Optional.empty())));
    assertThat(Invocation.scalars(text)).containsEntry("verify", "null");
  }

  @Test
  void aColonIsFollowedByOneBlankSoThatGrepFindsFields() {
    assertThat(Json.object(o -> o.writeNumberField("different", 0)))
        .isEqualTo("{\n  \"different\": 0\n}");
  }
}
