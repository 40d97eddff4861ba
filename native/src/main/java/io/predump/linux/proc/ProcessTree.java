package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.io.File;
import java.util.ArrayList;
import java.util.List;

/** Parents and children. Each answer is true for a moment only. */
public final class ProcessTree {
  private static final int KCMP_VM = 1;

  private ProcessTree() {}

  /**
   * Returns the children of all threads of a process; {@code /proc/PID/task/TID/children}, which
   * needs CONFIG_PROC_CHILDREN.
   *
   * @throws SyscallException ENOENT if there is no such process
   */
  public static List<Pid> children(Pid pid) throws SyscallException {
    List<Pid> children = new ArrayList<>();
    for (int tid : ProcStatus.threads(pid)) {
      try {
        for (String child :
            ProcFile.text(pid.procPath("task/" + tid + "/children")).split(" ", -1)) {
          if (!child.isBlank()) {
            children.add(new Pid(Integer.parseInt(child.trim())));
          }
        }
      } catch (SyscallException e) {
        if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
          throw e;
        }
      }
    }
    return children;
  }

  /**
   * Returns a process and everything below it, parents before children.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such process
   */
  public static List<Pid> descendants(Pid root) throws SyscallException {
    List<Pid> tree = new ArrayList<>();
    tree.add(root);
    for (int i = 0; i < tree.size(); i++) {
      try {
        for (Pid child : children(tree.get(i))) {
          if (!tree.contains(child)) {
            tree.add(child);
          }
        }
      } catch (SyscallException e) {
        // One that ends while its directory is looked up is ESRCH, one that ended before is ENOENT.
        if (i == 0 || !(e.is(Errno.ENOENT) || e.is(Errno.ESRCH))) {
          throw e;
        }
      }
    }
    return tree;
  }

  /** Returns all processes of our pid namespace, in no order; kernel threads too. */
  public static List<Pid> all() throws SyscallException {
    List<Pid> all = new ArrayList<>();
    String[] names = new File("/proc").list();
    if (names == null) {
      throw new SyscallException("readdir(/proc)", Errno.EIO);
    }
    for (String name : names) {
      if (!name.isEmpty() && name.chars().allMatch(c -> c >= '0' && c <= '9')) {
        all.add(new Pid(Integer.parseInt(name)));
      }
    }
    return all;
  }

  /**
   * Asks whether two processes share one address space, kcmp(2), Linux 3.5: vfork, or clone with
   * CLONE_VM.
   *
   * @throws SyscallException ESRCH if one of them is gone, EPERM without the right to trace both,
   *     ENOSYS in a kernel without CONFIG_KCMP
   */
  public static boolean sharesMemory(Pid one, Pid other) throws SyscallException {
    long order = LibC.syscall(LibC.SYS_KCMP, one.number(), other.number(), KCMP_VM, 0, 0, 0);
    if (order < 0) {
      throw new SyscallException("kcmp(" + one + ", " + other + ", KCMP_VM)", Errno.last());
    }
    return order == 0;
  }

  /**
   * Returns the parent, its parent and so on, up to the first one of our pid namespace.
   *
   * @throws SyscallException ENOENT if there is no such process
   */
  public static List<Pid> parents(Pid pid) throws SyscallException {
    List<Pid> parents = new ArrayList<>();
    int parent = ProcStatus.read(pid).parent();
    while (parent > 0 && !parents.contains(new Pid(parent))) {
      parents.add(new Pid(parent));
      parent = ProcStatus.read(new Pid(parent)).parent();
    }
    return parents;
  }

  /**
   * Returns whether a process is our own child. The JVM waits for its children and swallows the
   * stops ptrace reports, so such a process cannot be traced from here.
   *
   * @throws SyscallException ENOENT if there is no such process
   */
  public static boolean isOwnChild(Pid pid) throws SyscallException {
    return ProcStatus.read(pid).parent() == Pid.self().number();
  }
}
