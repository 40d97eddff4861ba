package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.images.ImageChain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process whose memory a device may write is refused by the device's name, or marked. */
final class DeviceWritersIT {
  @TempDir Path directory;

  @Test
  void anAfXdpSocketIsRefusedByName() throws IOException {
    try (Script script = Script.start()) {
      script.tell("xdp");
      Path images = directory.resolve("images");
      assertThatThrownBy(() -> script.attach(images, TestHooks.NONE))
          .isInstanceOf(TargetRefusedException.class)
          .hasMessage(
              "pid="
                  + script.pid().number()
                  + " has an AF_XDP socket open: a device may write its memory unseen, even while"
                  + " it is frozen, so the images could be wrong; --allow-device-writers takes it"
                  + " all the same, marked as not verified");
      assertThat(images).doesNotExist();
      assertThat(script.isAlive()).isTrue();
    }
  }

  @Test
  void aDeviceOpenedBetweenRoundsEndsTheRun() throws IOException {
    // A file of this name is no device, but the name is all that /proc tells of one.
    Path vfio = Path.of("/dev/vfio");
    boolean made = !Files.exists(vfio);
    if (made) {
      Files.createDirectory(vfio);
    }
    Path device = Files.createTempFile(vfio, "predump-test", "");
    try (Script script = Script.start();
        PreDumpSession session = script.attach(directory.resolve("images"), TestHooks.NONE)) {
      session.round().orElseThrow();
      script.tell("open " + device);
      assertThatThrownBy(session::round)
          .isInstanceOf(TargetRefusedException.class)
          .hasMessageContaining(device.toString());
      assertThatThrownBy(() -> session.finish(false))
          .isInstanceOf(TargetRefusedException.class)
          .hasMessageContaining(device.toString());
      Targets.await("not stopped", () -> !Targets.threadStates(script.pid()).contains("t"));
    } finally {
      Files.delete(device);
      if (made) {
        Files.delete(vfio);
      }
    }
  }

  @Test
  void whoIsTakenAllTheSameIsMarkedAsNotVerified() throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", 64);
      script.tell("fill a 1").tell("xdp");
      Path images = directory.resolve("images");
      SessionOptions options = SessionOptions.defaults("test").withAllowDeviceWriters(true);
      String why =
          "pid="
              + script.pid().number()
              + " has an AF_XDP socket open: a device may write its memory unseen";
      try (PreDumpSession session = script.attach(images, options, TestHooks.NONE)) {
        session.round().orElseThrow();
        FinalRound last = session.finish(true).orElseThrow();
        assertThat(last.freeze().pageCount()).as("everything is read").isGreaterThanOrEqualTo(64);
        assertThat(session.notVerified()).containsExactly(why);
      }
      try (ImageChain chain = ImageChain.open(images)) {
        assertThat(chain.newest().manifest().notVerified()).containsExactly(why);
      }
    }
  }
}
