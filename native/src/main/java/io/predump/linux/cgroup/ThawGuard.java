package io.predump.linux.cgroup;

import io.predump.linux.Pid;
import io.predump.linux.proc.Cgroups;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A process that thaws a group when this program is gone, however it went: a shell that waits at
 * the other end of a pipe. See the package for what it is kept apart from.
 */
public final class ThawGuard implements AutoCloseable {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** $1 is the control file, $2 what thaws. At the end of file: write it until it is written. */
  private static final String SCRIPT =
      "trap '' HUP INT QUIT TERM PIPE; frozen=; "
          + "while read -r word; do frozen=$word; echo; done; "
          + "[ \"$frozen\" ] || exit 0; "
          + "while [ -e \"$1\" ] && ! echo \"$2\" >\"$1\"; do sleep 0.01; done";

  private static final String FROZEN = "frozen\n";
  private static final String THAWED = "\n";

  private final Process process;
  private final OutputStream pipe;
  private final InputStream answers;
  private final FreezerCgroup cgroup;
  private final boolean apart;

  private ThawGuard(Process process, FreezerCgroup cgroup, boolean apart) {
    this.process = process;
    this.pipe = process.getOutputStream();
    this.answers = process.getInputStream();
    this.cgroup = cgroup;
    this.apart = apart;
  }

  /**
   * Starts a guard of a group that is not frozen yet.
   *
   * @throws CgroupException NO_GUARD if it cannot be started or does not answer
   */
  public static ThawGuard of(FreezerCgroup cgroup) throws IOException {
    Process process;
    try {
      process =
          new ProcessBuilder(
                  List.of(
                      "setsid",
                      "sh",
                      "-c",
                      SCRIPT,
                      "thaw-guard",
                      cgroup.controlFile().toString(),
                      cgroup.thawedWord()))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      throw none(cgroup, "it cannot be started: " + e.getMessage());
    }
    Pid pid = new Pid((int) process.pid());
    spare(pid);
    ThawGuard guard = new ThawGuard(process, cgroup, setApart(pid));
    try {
      guard.tell(THAWED);
      if (cgroup.processes().contains(pid)) {
        throw none(cgroup, "it sits in the group itself");
      }
      return guard;
    } catch (IOException | RuntimeException e) {
      guard.close();
      throw e;
    }
  }

  /** Asks the OOM killer to spare it; without CAP_SYS_RESOURCE it stays an unlikely victim. */
  private static void spare(Pid pid) {
    try {
      Files.writeString(Path.of(pid.procPath("oom_score_adj")), "-1000");
    } catch (IOException e) {
      // Small and young: everybody else comes first.
    }
  }

  /** Moves it to where what kills all of us does not kill it; returns whether it is there. */
  private static boolean setApart(Pid pid) {
    try {
      if (!Cgroups.of(pid).atManagersRoots()) {
        for (String root : Cgroups.managersRoots()) {
          Files.writeString(Path.of(root, "cgroup.procs"), pid.toString());
        }
      }
      return Cgroups.of(pid).atManagersRoots();
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Says that the group is about to be frozen: from now on the guard thaws it should we be gone.
   *
   * @throws CgroupException NO_GUARD if it does not answer
   */
  void arm() throws IOException {
    tell(FROZEN);
  }

  /**
   * Says that the group is thawed.
   *
   * @throws CgroupException NO_GUARD if it does not answer; then it may thaw the group once more
   */
  void disarm() throws IOException {
    tell(THAWED);
  }

  private void tell(String word) throws IOException {
    try {
      pipe.write(word.getBytes(StandardCharsets.US_ASCII));
      pipe.flush();
    } catch (IOException e) {
      throw none(cgroup, "it has ended");
    }
    long start = System.nanoTime();
    while (answers.available() == 0) {
      if (!process.isAlive() || System.nanoTime() - start > PATIENCE_NANOS) {
        throw none(cgroup, "it does not answer");
      }
      LockSupport.parkNanos(50_000);
    }
    if (answers.read() != '\n') {
      throw none(cgroup, "it has ended");
    }
  }

  private static CgroupException none(FreezerCgroup cgroup, String why) {
    return new CgroupException(
        CgroupException.Reason.NO_GUARD,
        cgroup
            + ": not frozen, for nobody would thaw it should this program be killed: the guard"
            + " (setsid, sh): "
            + why);
  }

  /**
   * Returns whether no service manager takes it together with us. If not, say so to the operator.
   */
  public boolean isApart() {
    return apart;
  }

  /** Returns the guard's process. */
  public Pid pid() {
    return new Pid((int) process.pid());
  }

  /** Ends it. If it was not told that the group is thawed it thaws it, now. */
  @Override
  public void close() {
    try {
      pipe.close();
    } catch (IOException e) {
      // It has ended.
    }
    try {
      process.waitFor(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
