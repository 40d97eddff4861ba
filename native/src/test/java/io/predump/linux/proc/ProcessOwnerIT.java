package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.FileIdentity;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessOwnerIT {
  private static final int USER = 54321;

  @TempDir Path directory;

  @Test
  void theThreeUsersCapabilitiesAndDumpabilityAreRead() throws IOException {
    String status = "Name:\tx\nUid:\t1\t2\t3\t4\nCapPrm:\t000001ffffffffff\n";
    assertThat(ProcessOwner.parse(status, 2))
        .isEqualTo(new ProcessOwner(1, 2, 3, 0x1ffffffffffL, true));
    assertThat(ProcessOwner.parse(status, 0).dumpable()).isFalse();
    assertThatThrownBy(() -> ProcessOwner.parse("Name:\tx\n", 0))
        .hasMessage("no Uid in: Name:\tx\n");
    assertThat(ProcessOwner.read(Pid.self()).dumpable()).isTrue();
    assertThatThrownBy(() -> ProcessOwner.read(new Pid((1 << 22) + 1)))
        .hasMessageEndingWith("ENOENT");
  }

  @Test
  void oneThreadTakesOnAUsersRightsTheOthersKeepTheirs() throws Exception {
    assumeTrue(ProcessOwner.read(Pid.self()).effectiveUid() == 0, "not root");
    Path open = Files.createDirectory(directory.resolve("open"));
    Files.setAttribute(open, "unix:uid", USER);
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    CompletableFuture<Object> owner = new CompletableFuture<>();
    CompletableFuture<Throwable> refused = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                FileIdentity.assume(USER, USER);
                owner.complete(
                    Files.getAttribute(Files.createFile(open.resolve("file")), "unix:uid"));
                Files.createFile(directory.resolve("file"));
                refused.complete(new AssertionError("made in root's directory"));
              } catch (IOException e) {
                owner.complete(e);
                refused.complete(e);
              }
            });
    thread.start();
    thread.join();
    assertThat(owner.get()).isEqualTo(USER);
    assertThat(refused.get()).isInstanceOf(AccessDeniedException.class);
    Path ours = Files.createFile(directory.resolve("ours"));
    assertThat(Files.getAttribute(ours, "unix:uid")).as("this thread").isEqualTo(0);
  }
}
