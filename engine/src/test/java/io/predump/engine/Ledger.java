package io.predump.engine;

import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A {@code ledger} process, which checks its memory all the time, with its child if it has one. */
final class Ledger implements AutoCloseable {
  private static final long PATIENCE_NANOS = 5_000_000_000L;

  final LiveTarget live;
  private final long counters;
  private final int workers;
  private final List<Pid> pids = new ArrayList<>();
  private final String masks;

  private Ledger(LiveTarget live) throws IOException {
    this.live = live;
    String[] fields = live.nextLine().split(" ", -1);
    counters = Long.parseUnsignedLong(fields[0], 16);
    workers = Integer.parseInt(fields[1]);
    for (int i = 2; i < fields.length; i++) {
      pids.add(new Pid(Integer.parseInt(fields[i])));
    }
    for (Pid pid : pids) {
      String harm = harm(pid);
      if (!harm.isEmpty()) {
        throw new IOException("pid=" + pid + " just started: " + harm);
      }
    }
    masks = masks(); // each thread has set its own by now
  }

  /** Starts one: {@code sleep}, {@code compute}, {@code threads} or {@code tree}. */
  static Ledger start(String kind, int mebibytes) throws IOException {
    LiveTarget live = Targets.ready("ledger", kind, mebibytes);
    try {
      return new Ledger(live);
    } catch (IOException | RuntimeException e) {
      live.close();
      throw e;
    }
  }

  Pid pid() {
    return live.pid();
  }

  /** {@return the userfaultfds open in any of its processes} */
  List<OpenFile> userfaultfds() throws IOException {
    List<OpenFile> found = new ArrayList<>();
    for (Pid pid : pids) {
      OpenFile.list(pid).stream().filter(OpenFile::isUserfaultfd).forEach(found::add);
    }
    return found;
  }

  /**
   * Says what is wrong with it, or nothing: it must be there, not stopped, not traced, with the
   * signals blocked that it blocked itself, have found no page wrong, and do steps in every thread.
   */
  String harm() throws IOException {
    for (Pid pid : pids) {
      String harm = harm(pid);
      if (!harm.isEmpty()) {
        return "pid=" + pid + ": " + harm;
      }
    }
    return masks().equals(masks) ? "" : "its signal masks are others now:\n" + masks + masks();
  }

  private String harm(Pid pid) throws IOException {
    long end = System.nanoTime() + PATIENCE_NANOS;
    long[] before = null;
    String harm = "no progress";
    while (!harm.isEmpty() && System.nanoTime() < end) {
      try {
        ProcStatus status = ProcStatus.read(pid);
        if (status.isDead()) {
          return "dead";
        }
        long[] now = counters(pid);
        before = before == null ? now : before;
        long wrong = 0;
        boolean all = true;
        for (int i = 0; i < now.length; i += 2) {
          wrong += now[i + 1];
          all &= now[i] > before[i] + 1;
        }
        String states = Targets.threadStates(pid);
        if (wrong > 0) {
          return "pages wrong=" + wrong;
        } else if (status.tracerPid() != 0) {
          harm = "traced by pid=" + status.tracerPid();
        } else if (states.contains("T") || states.contains("t")) {
          harm = "stopped: " + states;
        } else {
          harm = all ? "" : "no progress";
        }
      } catch (IOException e) {
        return "dead: " + e.getMessage();
      }
      LiveTarget.pause(1);
    }
    return harm;
  }

  private long[] counters(Pid pid) throws IOException {
    try (ProcessMemory memory = ProcessMemory.open(pid);
        NativeBuffer buffer = NativeBuffer.allocate(workers * 16L)) {
      memory.pread(buffer.address(), workers * 16L, counters);
      long[] values = new long[2 * workers];
      buffer.bytes().asLongBuffer().get(values);
      return values;
    }
  }

  /** SigBlk of every thread. */
  private String masks() throws IOException {
    StringBuilder text = new StringBuilder();
    for (Pid pid : pids) {
      if (Files.exists(Path.of(pid.procPath("")))) {
        for (int tid : ProcStatus.threads(pid)) {
          for (String line : Files.readAllLines(Path.of(pid.procPath("task/" + tid + "/status")))) {
            if (line.startsWith("SigBlk:")) {
              text.append(tid).append(' ').append(line).append('\n');
            }
          }
        }
      }
    }
    return text.toString();
  }

  @Override
  public void close() throws IOException {
    live.close();
  }
}
