package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What {@code /proc/PID/status} and {@code /proc/PID/stat} say about a process or a thread.
 *
 * @param pid the process or thread
 * @param name the command's name, at most 15 bytes, chosen by the process
 * @param state the state's letter: R, S, D, T, t, Z, X, I
 * @param parent the parent's pid, 0 if it is outside our pid namespace
 * @param tracerPid who traces it, 0 for nobody
 * @param threadGroup the process a thread belongs to
 * @param uid real user id
 * @param effectiveUid effective user id
 * @param seccompMode 0 none, 1 strict, 2 filter
 * @param pinnedBytes {@code VmPin}: memory pinned for devices
 * @param swappedBytes {@code VmSwap}: private memory in swap
 * @param residentBytes {@code VmRSS}
 * @param namespacePids {@code NSpid}: its ids from our pid namespace inward
 * @param effectiveCapabilities {@code CapEff}
 * @param kernelThread whether it is the kernel's own
 * @param startTimeTicks start after boot in clock ticks; with the pid it names a process for good
 * @param threadCount number of threads
 * @param layout where the program's parts lie
 */
public record ProcStatus(
    Pid pid,
    String name,
    char state,
    int parent,
    int tracerPid,
    int threadGroup,
    int uid,
    int effectiveUid,
    int seccompMode,
    long pinnedBytes,
    long swappedBytes,
    long residentBytes,
    List<Integer> namespacePids,
    long effectiveCapabilities,
    boolean kernelThread,
    long startTimeTicks,
    int threadCount,
    Layout layout) {
  private static final long PF_KTHREAD = 0x00200000;

  /** In most builds of the kernel the second is a part of the first. */
  private static final Set<String> VFORK_WAITS = Set.of("kernel_clone", "wait_for_vfork_done");

  /** {@code CAP_SYS_PTRACE}, include/uapi/linux/capability.h. */
  public static final int CAP_SYS_PTRACE = 19;

  /** {@code CAP_SYS_ADMIN}. */
  public static final int CAP_SYS_ADMIN = 21;

  public ProcStatus {
    namespacePids = List.copyOf(namespacePids);
  }

  /**
   * Where the parts of the program lie, proc(5) stat fields 26 to 28, 45 to 51; all 0 without the
   * right to trace the process.
   *
   * @param startCode first address of the program's text
   * @param endCode first address after it
   * @param startStack bottom of the stack
   * @param startData first address of initialised data
   * @param endData first address after it
   * @param startBrk first address of the heap
   * @param argStart first address of the arguments
   * @param argEnd first address after them
   * @param envStart first address of the environment
   * @param envEnd first address after it
   */
  public record Layout(
      long startCode,
      long endCode,
      long startStack,
      long startData,
      long endData,
      long startBrk,
      long argStart,
      long argEnd,
      long envStart,
      long envEnd) {}

  /** Returns whether it has ended, or is ending. */
  public boolean isDead() {
    return state == 'Z' || state == 'X' || state == 'x';
  }

  /** Returns whether it has the capability, for example {@link #CAP_SYS_ADMIN}. */
  public boolean hasCapability(int capability) {
    return (effectiveCapabilities >>> capability & 1) != 0;
  }

  /**
   * Reads both files of a process.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such process
   */
  public static ProcStatus read(Pid pid) throws SyscallException {
    return parse(pid, ProcFile.text(pid.procPath("status")), ProcFile.text(pid.procPath("stat")));
  }

  /**
   * Reads both files of one thread of a process.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such thread
   */
  public static ProcStatus readThread(Pid pid, int tid) throws SyscallException {
    return parse(
        new Pid(tid),
        ProcFile.text(taskPath(pid, tid, "status")),
        ProcFile.text(taskPath(pid, tid, "stat")));
  }

  /**
   * Parses the text of both files.
   *
   * @throws IllegalArgumentException if one of them is malformed
   */
  public static ProcStatus parse(Pid pid, String status, String stat) {
    int open = stat.indexOf('(');
    // The name may hold anything, also ") R 1": the last bracket is the kernel's.
    int close = stat.lastIndexOf(')');
    String[] fields = close < 0 ? new String[0] : stat.substring(close + 1).trim().split(" ", -1);
    if (open < 0 || close < open || fields.length < 20) {
      throw new IllegalArgumentException("not a /proc/" + pid + "/stat: " + stat.trim());
    }
    String name = stat.substring(open + 1, close);
    StatusLines lines = new StatusLines(status);
    try {
      long[] numbers = new long[Math.max(fields.length, 53 - 2)];
      for (int i = 1; i < fields.length; i++) {
        numbers[i] = signedOrUnsigned(fields[i]);
      }
      List<Integer> namespacePids = new ArrayList<>();
      for (String number : lines.words("NSpid")) {
        namespacePids.add(Integer.parseInt(number));
      }
      return new ProcStatus(
          pid,
          name,
          fields[0].charAt(0),
          (int) numbers[4 - 3],
          (int) lines.number("TracerPid", 0),
          (int) lines.number("Tgid", pid.number()),
          (int) lines.number("Uid", 0),
          (int) lines.number("Uid", 1, 0),
          (int) lines.number("Seccomp", 0),
          lines.number("VmPin", 0) << 10,
          lines.number("VmSwap", 0) << 10,
          lines.number("VmRSS", 0) << 10,
          namespacePids,
          Long.parseUnsignedLong(lines.word("CapEff", "0"), 16),
          (numbers[9 - 3] & PF_KTHREAD) != 0,
          numbers[22 - 3],
          (int) numbers[20 - 3],
          new Layout(
              numbers[26 - 3],
              numbers[27 - 3],
              numbers[28 - 3],
              numbers[45 - 3],
              numbers[46 - 3],
              numbers[47 - 3],
              numbers[48 - 3],
              numbers[49 - 3],
              numbers[50 - 3],
              numbers[51 - 3]));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a /proc/" + pid + "/status: " + e.getMessage(), e);
    }
  }

  private static long signedOrUnsigned(String number) {
    return number.startsWith("-") ? Long.parseLong(number) : Long.parseUnsignedLong(number);
  }

  /**
   * Lists the threads of a process, the main thread first if it is there.
   *
   * @throws SyscallException ENOENT if there is no such process
   */
  public static List<Integer> threads(Pid pid) throws SyscallException {
    try (TaskDirectory tasks = TaskDirectory.open(pid)) {
      List<Integer> tids = new ArrayList<>();
      int count = tasks.list();
      for (int i = 0; i < count; i++) {
        tids.add(tasks.tid(i));
      }
      return tids;
    }
  }

  /**
   * Returns the letter of a thread's state, {@code X} if it is gone.
   *
   * @throws SyscallException other than ENOENT and ESRCH
   */
  public static char threadState(Pid pid, int tid) throws SyscallException {
    try {
      String stat = ProcFile.text(taskPath(pid, tid, "stat"));
      int close = stat.lastIndexOf(')');
      return close >= 0 && close + 2 < stat.length() ? stat.charAt(close + 2) : '?';
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return 'X';
      }
      throw e;
    }
  }

  /**
   * Returns the processor a thread runs on, or ran on last: the 39th field of {@code
   * /proc/PID/task/TID/stat}, proc(5).
   *
   * @throws SyscallException ENOENT or ESRCH if it is gone
   */
  public static int threadProcessor(Pid pid, int tid) throws SyscallException {
    return processor(ProcFile.text(taskPath(pid, tid, "stat")));
  }

  static int processor(String stat) {
    String[] fromState = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return Integer.parseInt(fromState[39 - 3]);
  }

  /**
   * Returns whether a thread is blocked until its vfork child has made an exec or ended: {@code
   * /proc/PID/task/TID/wchan} names the kernel's function. Needs the right to trace the thread and
   * a kernel with CONFIG_KALLSYMS; without, the answer is no.
   *
   * @throws SyscallException other than ENOENT and ESRCH
   */
  public static boolean waitsForVfork(Pid pid, int tid) throws SyscallException {
    try {
      return VFORK_WAITS.contains(ProcFile.text(taskPath(pid, tid, "wchan")));
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Returns the number of the system call a thread is blocked in, -1 if it is blocked outside of
   * one, empty if it runs. Needs the right to trace the thread.
   *
   * @throws SyscallException ENOENT or ESRCH if it is gone, EACCES
   */
  public static OptionalInt threadSyscall(Pid pid, int tid) throws SyscallException {
    return parseSyscall(ProcFile.text(taskPath(pid, tid, "syscall")));
  }

  static OptionalInt parseSyscall(String text) {
    String first = text.trim();
    int space = first.indexOf(' ');
    if (space >= 0) {
      first = first.substring(0, space);
    }
    if (first.equals("running")) {
      return OptionalInt.empty();
    }
    try {
      return OptionalInt.of(Integer.parseInt(first));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a /proc/PID/task/TID/syscall: " + text.trim(), e);
    }
  }

  /**
   * Returns whether a thread's returns are checked against a shadow stack, {@code
   * x86_Thread_features}, Linux 6.6.
   *
   * @throws SyscallException ENOENT or ESRCH if it is gone
   */
  public static boolean hasShadowStack(Pid pid, int tid) throws SyscallException {
    return parseShadowStack(ProcFile.text(taskPath(pid, tid, "status")));
  }

  static boolean parseShadowStack(String status) {
    return new StatusLines(status).words("x86_Thread_features").contains("shstk");
  }

  /**
   * Returns the auxiliary vector: pairs of type and value, with the closing pair of zeros.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such process, EACCES
   */
  public static long[] auxiliaryVector(Pid pid) throws SyscallException {
    return auxiliaryVector(pid.procPath("auxv"));
  }

  /**
   * Returns whether a thread of a process still has memory: one that is ending gives it back before
   * its state says so.
   *
   * @throws SyscallException other than ENOENT and ESRCH; EACCES without the right to trace it
   */
  public static boolean threadHasMemory(Pid pid, int tid) throws SyscallException {
    try {
      return auxiliaryVector(taskPath(pid, tid, "auxv")).length > 0;
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return false;
      }
      throw e;
    }
  }

  private static long[] auxiliaryVector(String path) throws SyscallException {
    byte[] bytes = ProcFile.bytes(path);
    long[] vector = new long[bytes.length / Long.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(vector);
    return vector;
  }

  private static String taskPath(Pid pid, int tid, String name) {
    return pid.procPath("task/" + tid + "/" + name);
  }

  /** The {@code Key:\tvalue} lines. The name, first, is escaped by the kernel. */
  private static final class StatusLines {
    private final String text;

    StatusLines(String text) {
      this.text = "\n" + text;
    }

    List<String> words(String key) {
      int start = text.indexOf("\n" + key + ":");
      if (start < 0) {
        return List.of();
      }
      start += key.length() + 2;
      int end = text.indexOf('\n', start);
      String value = text.substring(start, end < 0 ? text.length() : end).trim();
      return value.isEmpty() ? List.of() : List.of(value.split("[\t ]+", -1));
    }

    String word(String key, String otherwise) {
      List<String> words = words(key);
      return words.isEmpty() ? otherwise : words.get(0);
    }

    long number(String key, long otherwise) {
      return number(key, 0, otherwise);
    }

    long number(String key, int index, long otherwise) {
      List<String> words = words(key);
      return words.size() <= index ? otherwise : Long.parseLong(words.get(index));
    }
  }
}
