package io.predump.junit;

import io.predump.linux.Pid;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What /proc/PID/stat says of a process; see proc_pid_stat(5).
 *
 * @param pid its id
 * @param name its command name
 * @param state one letter
 * @param parent its parent's id
 * @param session its session's id
 * @param startTicks its start since boot, in clock ticks: tells it from a later one with its id
 */
record ProcStat(int pid, String name, char state, int parent, int session, long startTicks) {
  private static final int STATE = 0;
  private static final int PARENT = 1;
  private static final int SESSION = 3;
  private static final int START = 19;

  /** {@return what it says now; empty if there is no such process} */
  static Optional<ProcStat> read(int pid) {
    String line;
    try {
      Path file = Path.of(new Pid(pid).procPath("stat"));
      line = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return Optional.empty();
    }
    int nameEnd = line.lastIndexOf(')');
    String[] fields = line.substring(nameEnd + 2).split(" ", -1);
    return Optional.of(
        new ProcStat(
            pid,
            line.substring(line.indexOf('(') + 1, nameEnd),
            fields[STATE].charAt(0),
            Integer.parseInt(fields[PARENT]),
            Integer.parseInt(fields[SESSION]),
            Long.parseLong(fields[START])));
  }

  /** {@return every process of our pid namespace, by its id} */
  static Map<Integer, ProcStat> all() {
    Map<Integer, ProcStat> all = new HashMap<>();
    String[] names = new File("/proc").list();
    for (String name : names == null ? new String[0] : names) {
      if (Character.isDigit(name.charAt(0))) {
        read(Integer.parseInt(name)).ifPresent(stat -> all.put(stat.pid(), stat));
      }
    }
    return all;
  }

  /** {@return whether it is no zombie} */
  boolean runs() {
    return state != 'Z' && state != 'X';
  }

  /** {@return whether this and another are the same process, now or then} */
  boolean isSame(Optional<ProcStat> other) {
    return other.isPresent() && other.get().pid == pid && other.get().startTicks == startTicks;
  }
}
