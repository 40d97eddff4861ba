package io.predump.linux.cgroup;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.Cgroups;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** A control group's directory that has a freezer, of version 2 or 1. Immutable. */
public final class FreezerCgroup {
  private static final String V2_FREEZE = "cgroup.freeze";
  private static final String V1_STATE = "freezer.state";

  private final Path directory;
  private final int version;

  private FreezerCgroup(Path directory, int version) {
    this.directory = directory;
    this.version = version;
  }

  /**
   * Takes a directory.
   *
   * @throws CgroupException NO_FREEZER if it is none of a control group, a hierarchy's root, which
   *     cannot be frozen, or holds threads of processes that sit elsewhere (type {@code threaded});
   *     OURSELVES if this program would freeze with it
   */
  public static FreezerCgroup at(Path directory) throws IOException {
    Path real;
    try {
      real = directory.toRealPath();
    } catch (NoSuchFileException e) {
      throw noFreezer(directory, "there is no such directory");
    }
    boolean v2 = Files.exists(real.resolve(V2_FREEZE));
    if (!v2 && !Files.exists(real.resolve(V1_STATE))) {
      throw noFreezer(
          directory,
          Files.exists(real.resolve("cgroup.procs"))
              ? "the root of a hierarchy, or one without the freezer, cannot be frozen"
              : "not a control group");
    }
    FreezerCgroup cgroup = new FreezerCgroup(real, v2 ? 2 : 1);
    if (v2 && !Files.readString(real.resolve("cgroup.type")).startsWith("domain")) {
      throw noFreezer(directory, "a threaded group: it need not hold all threads of a process");
    }
    if (cgroup.processes().contains(Pid.self())) {
      throw new CgroupException(
          CgroupException.Reason.OURSELVES,
          directory + ": this program sits in it and would freeze itself");
    }
    return cgroup;
  }

  private static CgroupException noFreezer(Path directory, String why) {
    return new CgroupException(
        CgroupException.Reason.NO_FREEZER, directory + ": no freezer cgroup: " + why);
  }

  /** Returns the directory, with symbolic links resolved. */
  public Path directory() {
    return directory;
  }

  /** Returns 1 or 2. */
  public int version() {
    return version;
  }

  /** Returns the file that freezes and thaws it. */
  Path controlFile() {
    return directory.resolve(version == 2 ? V2_FREEZE : V1_STATE);
  }

  /** Returns the file that tells whether everybody in it stands still. */
  Path stateFile() {
    return directory.resolve(version == 2 ? "cgroup.events" : V1_STATE);
  }

  /** Returns what to write to freeze it. */
  String frozenWord() {
    return version == 2 ? "1" : "FROZEN";
  }

  /** Returns what to write to thaw it. */
  String thawedWord() {
    return version == 2 ? "0" : "THAWED";
  }

  /** Returns whether a text of the state file says that everybody stands still. */
  boolean saysFrozen(String state) {
    return version == 2 ? state.contains("frozen 1") : state.startsWith("FROZEN");
  }

  /**
   * Returns whether somebody has asked this very group, not one above it, to freeze.
   *
   * @throws IOException if it is gone
   */
  public boolean isAskedToFreeze() throws IOException {
    Path own = version == 2 ? controlFile() : directory.resolve("freezer.self_freezing");
    return Files.readString(own).trim().equals("1");
  }

  /**
   * Returns the processes in it and below it; those outside our pid namespace are left out.
   *
   * @throws IOException if it is gone
   */
  public Set<Pid> processes() throws IOException {
    return ids("cgroup.procs");
  }

  /** Returns the threads in it and below it. */
  Set<Pid> threads() throws IOException {
    return ids(version == 2 ? "cgroup.threads" : "tasks");
  }

  private Set<Pid> ids(String file) throws IOException {
    Set<Pid> ids = new HashSet<>();
    collect(directory, file, ids);
    return ids;
  }

  private static void collect(Path from, String file, Set<Pid> ids) throws IOException {
    Path type = from.resolve("cgroup.type");
    if (file.equals("cgroup.procs")
        && Files.exists(type)
        && Files.readString(type).startsWith("threaded")) {
      // Its processes are those of the group above; the file cannot be read here.
      return;
    }
    for (String id : Files.readString(from.resolve(file)).split("\n", -1)) {
      if (!id.isEmpty() && !id.equals("0")) {
        ids.add(new Pid(Integer.parseInt(id)));
      }
    }
    try (DirectoryStream<Path> below = Files.newDirectoryStream(from, Files::isDirectory)) {
      for (Path group : below) {
        collect(group, file, ids);
      }
    }
  }

  /**
   * Makes sure that all of these processes, with all their threads, sit in it or below it. Of
   * version 1 threads of one process may sit in different groups.
   *
   * @throws CgroupException OUTSIDE, naming the first that does not
   */
  public void requireHolds(Collection<Pid> processes) throws IOException {
    Set<Pid> inside = version == 2 ? processes() : threads();
    for (Pid pid : processes) {
      if (version == 2) {
        requireInside(inside, pid, pid);
        continue;
      }
      try {
        for (int tid : ProcStatus.threads(pid)) {
          requireInside(inside, pid, new Pid(tid));
        }
      } catch (SyscallException e) {
        if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
          throw e;
        }
      }
    }
  }

  private void requireInside(Set<Pid> inside, Pid pid, Pid tid) throws IOException {
    // An ended main thread stays listed among a process's threads, not among a group's.
    if (inside.contains(tid) || isEnded(pid, tid)) {
      return;
    }
    throw new CgroupException(
        CgroupException.Reason.OUTSIDE,
        directory
            + ": "
            + (pid.equals(tid) ? "pid=" + pid : "thread " + tid + " of pid=" + pid)
            + " is not in it, it sits in "
            + home(tid).orElse("a group that is not mounted"));
  }

  private static boolean isEnded(Pid pid, Pid tid) throws SyscallException {
    char state = ProcStatus.threadState(pid, tid.number());
    return state == 'Z' || state == 'X';
  }

  private Optional<String> home(Pid tid) throws SyscallException {
    Cgroups groups = Cgroups.of(tid);
    return version == 2 ? groups.v2Directory() : groups.freezerV1Directory();
  }

  /** Returns the threads in it that the kernel cannot stop now, with their states. */
  String unstopped() throws IOException {
    Set<String> busy = new TreeSet<>();
    for (Pid tid : threads()) {
      char state = ProcStatus.threadState(tid, tid.number());
      if (state == 'D' || state == 'R') {
        busy.add(tid + " (state " + state + ")");
      }
    }
    return String.join(", ", busy);
  }

  /** Returns the version and the directory, for example {@code cgroup v2 /sys/fs/cgroup/web}. */
  @Override
  public String toString() {
    return "cgroup v" + version + " " + directory;
  }
}
