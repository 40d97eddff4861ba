package io.predump.junit;

import io.predump.images.ProcessIdentity;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The processes of one target, from its start to the last restore: its root, everything below it or
 * in its session, and whatever was when last looked. A process that has left the session and whose
 * parent has ended before anybody looked is not found. Not thread-safe.
 */
final class TargetProcesses {
  /**
   * $1 is the target's directory, $2 our pid, the rest the command. The shell that we start ends
   * when it has told the pid, not before: with it ends the stream we read. The one below stays as
   * the target's parent, to reap it, and a third ends the target when we are gone without having
   * removed its directory; not whoever has got its pid since, of which the start time tells.
   */
  private static final String SCRIPT =
      """
      directory=$1 owner=$2
      shift 2
      cd "$directory" || exit 1
      pid=$(
        (
          setsid "$@" </dev/null >>"$directory/output" 2>&1 &
          pid=$!
          echo $pid
          exec >/dev/null 2>&1
          began() { sed 's/.*) //' /proc/$pid/stat | cut -d ' ' -f 20; }
          was=$(began)
          (
            while kill -0 $owner && [ -d "$directory" ]; do sleep 0.5; done
            [ ! -d "$directory" ] || [ "$(began)" != "$was" ] || kill -9 -- -$pid
          ) &
          wait $pid
        ) &
      )
      echo $pid
      """;

  private static final int SIGKILL = 9;
  private static final int SIGCONT = 18;
  private static final long POLL_MILLIS = 5;

  private final Map<Integer, ProcStat> known = new HashMap<>();
  private ProcStat root;

  private TargetProcesses(ProcStat root) {
    this.root = root;
  }

  /**
   * Starts a command.
   *
   * @param directory its working directory; its output goes to the file {@code output} there
   * @param environment added to ours
   * @throws IOException if it could not be started, or ended at once; says what it printed
   */
  static TargetProcesses start(
      Path directory, List<String> command, Map<String, String> environment) throws IOException {
    List<String> shell = new ArrayList<>(List.of("/bin/sh", "-c", SCRIPT, "sh"));
    shell.add(directory.toString());
    shell.add(Integer.toString(LibC.getpid()));
    shell.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(shell);
    builder.environment().putAll(environment);
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(builder.start().getInputStream(), StandardCharsets.US_ASCII))) {
      String pid = lines.readLine();
      if (pid == null) {
        throw new IOException(command.get(0) + ": not started");
      }
      return new TargetProcesses(
          ProcStat.read(Integer.parseInt(pid))
              .orElseThrow(
                  () ->
                      new IOException(command.get(0) + ": ended at once" + lastWords(directory))));
    }
  }

  /** {@return what it printed last, to be put behind a message} */
  static String lastWords(Path directory) {
    try (Stream<String> lines =
        Files.lines(directory.resolve("output"), StandardCharsets.ISO_8859_1)) {
      return lines
          .filter(line -> !line.isBlank())
          .reduce((one, next) -> next)
          .map(line -> "; it printed last: " + line)
          .orElse("; it printed nothing");
    } catch (IOException e) {
      return "; it printed nothing";
    }
  }

  /** {@return the first process} */
  Pid root() {
    return new Pid(root.pid());
  }

  /** {@return whether the first process is there, and no zombie} */
  boolean rootRuns() {
    Optional<ProcStat> now = ProcStat.read(root.pid());
    return root.isSame(now) && now.orElseThrow().runs();
  }

  /**
   * The root has come back under its old pid.
   *
   * @throws IOException if it is not there
   */
  void restored() throws IOException {
    root =
        ProcStat.read(root.pid())
            .orElseThrow(() -> new IOException("no process with pid=" + root.pid()));
  }

  /** Takes note of processes that were frozen as part of the target. */
  void include(List<ProcessIdentity> frozen) {
    for (ProcessIdentity process : frozen) {
      ProcStat.read(process.pid())
          .filter(stat -> stat.startTicks() == process.startTimeTicks())
          .ifPresent(stat -> known.put(stat.pid(), stat));
    }
  }

  /** {@return those that run, in the order of their ids} */
  List<Pid> running() {
    return present().stream().filter(ProcStat::runs).map(stat -> new Pid(stat.pid())).toList();
  }

  /** {@return those that are there, zombies too, in the order of their ids} */
  private List<ProcStat> present() {
    Map<Integer, ProcStat> all = ProcStat.all();
    Optional<ProcStat> now = Optional.ofNullable(all.get(root.pid()));
    if (root.isSame(now)) {
      known.put(root.pid(), root);
    }
    known.values().removeIf(stat -> !stat.isSame(Optional.ofNullable(all.get(stat.pid()))));
    // Once the root's pid is another process's, so may the session be.
    boolean sessionIsOurs = now.isEmpty() || root.isSame(now);
    int before;
    do {
      before = known.size();
      for (ProcStat stat : all.values()) {
        if (known.containsKey(stat.parent()) || (sessionIsOurs && stat.session() == root.pid())) {
          known.put(stat.pid(), stat);
        }
      }
    } while (known.size() > before);
    return known.keySet().stream().sorted().map(all::get).toList();
  }

  /**
   * Kills them all, and waits until none is left; at most so long.
   *
   * @throws IOException if some are left; names them
   */
  void kill(Duration atMost) throws IOException, InterruptedException {
    long began = System.nanoTime();
    for (List<Pid> left = running(); !left.isEmpty(); left = running()) {
      if (System.nanoTime() - began > atMost.toNanos()) {
        throw new IOException("killed, but still there: pids " + left);
      }
      left.forEach(pid -> LibC.kill(pid.number(), SIGKILL));
      Thread.sleep(POLL_MILLIS);
    }
  }

  /**
   * Waits until every thread of every process is stopped by a signal.
   *
   * @throws IOException if one is not in time; names it
   */
  void awaitStopped(Duration atMost) throws IOException, InterruptedException {
    long began = System.nanoTime();
    for (Pid pid : running()) {
      for (int tid : ProcStatus.threads(pid)) {
        for (char state = ProcStatus.threadState(pid, tid);
            state != 'T';
            state = ProcStatus.threadState(pid, tid)) {
          if (System.nanoTime() - began > atMost.toNanos()) {
            throw new IOException(
                "pid=" + pid + " is not stopped: its thread " + tid + " is " + state);
          }
          Thread.sleep(POLL_MILLIS);
        }
      }
    }
  }

  /** Lets every process go on that a signal has stopped. */
  void resume() {
    running().forEach(pid -> LibC.kill(pid.number(), SIGCONT));
  }

  /**
   * Waits until every pid is free again, zombies reaped: a restored process takes its old one.
   *
   * @throws IOException if some are not reaped in time; names them and who should have
   */
  void awaitReaped(Duration atMost) throws IOException, InterruptedException {
    long began = System.nanoTime();
    for (List<ProcStat> left = present(); !left.isEmpty(); left = present()) {
      if (System.nanoTime() - began > atMost.toNanos()) {
        throw new IOException(
            left.stream().map(TargetProcesses::unreaped).collect(Collectors.joining("; ")));
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private static String unreaped(ProcStat stat) {
    String named = "pid=" + stat.pid() + " (" + stat.name() + ")";
    return stat.runs()
        ? named + " still runs"
        : named + " is a zombie that its parent, pid=" + stat.parent() + ", does not reap";
  }
}
