package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The control groups of a process: {@code /proc/PID/cgroup} and, for where they are mounted, {@code
 * /proc/self/mountinfo}. Immutable.
 */
public final class Cgroups {
  private final Optional<String> freezerV1Directory;
  private final Optional<String> memoryV1Directory;
  private final Optional<String> v2Directory;
  private final boolean atManagersRoots;

  private Cgroups(
      Optional<String> freezerV1Directory,
      Optional<String> memoryV1Directory,
      Optional<String> v2Directory,
      boolean atManagersRoots) {
    this.freezerV1Directory = freezerV1Directory;
    this.memoryV1Directory = memoryV1Directory;
    this.v2Directory = v2Directory;
    this.atManagersRoots = atManagersRoots;
  }

  /**
   * Reads the control groups of a process.
   *
   * @throws SyscallException ENOENT if there is no such process
   */
  public static Cgroups of(Pid pid) throws SyscallException {
    return parse(ProcFile.text(pid.procPath("cgroup")), ProcFile.text("/proc/self/mountinfo"));
  }

  /**
   * Finds the directories of the process's groups.
   *
   * @param cgroup text of {@code /proc/PID/cgroup}
   * @param mountinfo text of our own mountinfo
   */
  public static Cgroups parse(String cgroup, String mountinfo) {
    Optional<String> freezer = Optional.empty();
    Optional<String> memory = Optional.empty();
    Optional<String> v2 = Optional.empty();
    boolean atManagersRoots = true;
    for (String line : cgroup.split("\n", -1)) {
      String[] fields = line.split(":", 3);
      if (fields.length < 3) {
        continue;
      }
      List<String> controllers = List.of(fields[1].split(",", -1));
      boolean unified = fields[0].equals("0") && fields[1].isEmpty();
      if (unified || fields[1].startsWith("name=")) {
        atManagersRoots &= fields[2].equals("/");
      }
      if (unified) {
        v2 = directory(mountinfo, "cgroup2", "", fields[2]);
      }
      if (controllers.contains("freezer")) {
        freezer = directory(mountinfo, "cgroup", "freezer", fields[2]);
      }
      if (controllers.contains("memory")) {
        memory = directory(mountinfo, "cgroup", "memory", fields[2]);
      }
    }
    return new Cgroups(freezer, memory, v2, atManagersRoots);
  }

  private static Optional<String> directory(
      String mountinfo, String type, String controller, String path) {
    for (String line : mountinfo.split("\n", -1)) {
      String[] halves = line.split(" - ", 2);
      String[] left = halves[0].split(" ", -1);
      if (halves.length < 2 || left.length < 5) {
        continue;
      }
      String[] right = halves[1].split(" ", -1);
      if (right.length < 3
          || !right[0].equals(type)
          || !(controller.isEmpty() || List.of(right[2].split(",", -1)).contains(controller))) {
        continue;
      }
      String root = left[3];
      String mount = unescaped(left[4]);
      if (root.equals("/")) {
        return Optional.of(path.equals("/") ? mount : mount + path);
      }
      if (path.equals(root) || path.startsWith(root + "/")) {
        return Optional.of(mount + path.substring(root.length()));
      }
    }
    return Optional.empty();
  }

  /** Undoes the octal escapes of mountinfo: space, tab, line break, backslash. */
  private static String unescaped(String text) {
    return text.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\");
  }

  /** Returns the directory of its group in the v1 freezer hierarchy, if there is one. */
  public Optional<String> freezerV1Directory() {
    return freezerV1Directory;
  }

  /**
   * Returns whether it sits at the root of every hierarchy by which service managers kill, version
   * 2 and named ones: they never kill what is there.
   */
  public boolean atManagersRoots() {
    return atManagersRoots;
  }

  /**
   * Returns where the roots of those hierarchies are mounted.
   *
   * @throws SyscallException EACCES
   */
  public static List<String> managersRoots() throws SyscallException {
    List<String> roots = new ArrayList<>();
    for (String line : ProcFile.text("/proc/self/mountinfo").split("\n", -1)) {
      String[] halves = line.split(" - ", 2);
      String[] left = halves[0].split(" ", -1);
      String[] right = halves[halves.length - 1].split(" ", -1);
      if (left.length < 5 || right.length < 3 || !left[3].equals("/")) {
        continue;
      }
      boolean named =
          right[0].equals("cgroup")
              && List.of(right[2].split(",", -1)).stream().anyMatch(o -> o.startsWith("name="));
      if (named || right[0].equals("cgroup2")) {
        roots.add(unescaped(left[4]));
      }
    }
    return roots;
  }

  /**
   * Returns the v2 group the process is frozen in, itself or by one above it.
   *
   * @return the group's directory, empty if it is not frozen
   * @throws SyscallException if the state cannot be read
   */
  public Optional<String> frozenV2() throws SyscallException {
    if (v2Directory.isEmpty()) {
      return Optional.empty();
    }
    try {
      String events = ProcFile.text(v2Directory.get() + "/cgroup.events");
      return events.contains("frozen 1") ? v2Directory : Optional.empty();
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Returns the directory of its group in the v1 memory hierarchy, if there is one. */
  public Optional<String> memoryV1Directory() {
    return memoryV1Directory;
  }

  /** Returns the directory of its v2 group, if v2 is mounted. */
  public Optional<String> v2Directory() {
    return v2Directory;
  }

  /**
   * Returns the v1 freezer group the process is frozen in. Such a process never stops for ptrace;
   * one frozen in a v2 group does.
   *
   * @return the group's directory, empty if it is not frozen
   * @throws SyscallException if the state cannot be read
   */
  public Optional<String> frozenV1() throws SyscallException {
    if (freezerV1Directory.isEmpty()) {
      return Optional.empty();
    }
    try {
      String state = ProcFile.text(freezerV1Directory.get() + "/freezer.state").trim();
      return state.equals("THAWED") ? Optional.empty() : freezerV1Directory;
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT)) {
        // The root group has no such file: it cannot be frozen.
        return Optional.empty();
      }
      throw e;
    }
  }
}
