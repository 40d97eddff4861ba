package io.predump.linux.proc;

import io.predump.linux.AddressRange;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The mappings of a process, {@code /proc/PID/maps}, in address order and without overlap.
 * Immutable.
 */
public final class MemoryMap {
  private final List<Vma> vmas;

  private MemoryMap(List<Vma> vmas) {
    this.vmas = List.copyOf(vmas);
  }

  /**
   * Reads the mappings of a process.
   *
   * <p>A running process changes them while they are read: each line is true, the whole may be from
   * two moments. A process whose main thread has ended shows nothing; ask by the id of a live
   * thread.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such process, EACCES without the right
   *     to trace it
   */
  public static MemoryMap read(Pid pid) throws SyscallException {
    return parse(ProcFile.bytes(pid.procPath("maps")));
  }

  /**
   * Parses the text of a maps file.
   *
   * @throws IllegalArgumentException naming the line that is none
   */
  public static MemoryMap parse(String maps) {
    return parse(maps.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Parses the bytes of a maps file; names are read as UTF-8.
   *
   * <p>Where the second of two lines, read a moment later, reaches back into the first (the
   * mappings were merged meanwhile), it is cut at the first one's end.
   *
   * @throws IllegalArgumentException naming the line that is none
   */
  public static MemoryMap parse(byte[] maps) {
    List<Vma> vmas = new ArrayList<>();
    LineParser line = new LineParser(maps);
    long previousEnd = 0;
    while (line.next()) {
      Vma vma = line.vma();
      if (Long.compareUnsigned(vma.start(), previousEnd) < 0) {
        if (Long.compareUnsigned(vma.end(), previousEnd) <= 0) {
          continue;
        }
        long cut = previousEnd - vma.start();
        vma =
            new Vma(
                new AddressRange(previousEnd, vma.end()),
                vma.readable(),
                vma.writable(),
                vma.executable(),
                vma.shared(),
                vma.inode() == 0 ? vma.fileOffset() : vma.fileOffset() + cut,
                vma.deviceMajor(),
                vma.deviceMinor(),
                vma.inode(),
                vma.name());
      }
      previousEnd = vma.end();
      vmas.add(vma);
    }
    return new MemoryMap(vmas);
  }

  /** Returns the mappings in address order. */
  public List<Vma> vmas() {
    return vmas;
  }

  /** Returns the mapping that holds {@code address}, or null. */
  public @Nullable Vma find(long address) {
    int low = 0;
    int high = vmas.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      Vma vma = vmas.get(middle);
      if (vma.range().contains(address)) {
        return vma;
      }
      if (Long.compareUnsigned(vma.start(), address) > 0) {
        high = middle - 1;
      } else {
        low = middle + 1;
      }
    }
    return null;
  }

  @Override
  public String toString() {
    return "MemoryMap[" + vmas.size() + " mappings]";
  }

  /** Walks over the lines; shared with smaps, whose header lines are the same. */
  static final class LineParser {
    private final byte[] text;
    private int lineStart;
    private int lineEnd = -1;
    private int position;

    LineParser(byte[] text) {
      this.text = text;
    }

    /** Goes to the next line that is not empty. */
    boolean next() {
      do {
        lineStart = lineEnd + 1;
        if (lineStart >= text.length) {
          return false;
        }
        lineEnd = lineStart;
        while (lineEnd < text.length && text[lineEnd] != '\n') {
          lineEnd++;
        }
      } while (lineEnd == lineStart);
      position = lineStart;
      return true;
    }

    String line() {
      return string(lineStart);
    }

    /** Tells a mapping's first line from the {@code Key: value} lines of smaps. */
    boolean isVmaLine() {
      int i = lineStart;
      while (i < lineEnd && Character.digit(text[i], 16) >= 0) {
        i++;
      }
      return i > lineStart && i < lineEnd && text[i] == '-';
    }

    Vma vma() {
      long start = number(16, '-');
      long end = number(16, ' ');
      if (Long.compareUnsigned(start, end) > 0 || position + 5 > lineEnd) {
        throw malformed();
      }
      boolean readable = flag('r', '-');
      boolean writable = flag('w', '-');
      boolean executable = flag('x', '-');
      boolean shared = flag('s', 'p');
      expect(' ');
      long offset = number(16, ' ');
      long major = number(16, ':');
      long minor = number(16, ' ');
      long inode = number(10, ' ');
      while (position < lineEnd && text[position] == ' ') {
        position++;
      }
      return new Vma(
          new AddressRange(start, end),
          readable,
          writable,
          executable,
          shared,
          offset,
          (int) major,
          (int) minor,
          inode,
          position == lineEnd ? "" : string(position));
    }

    private String string(int from) {
      return new String(text, from, lineEnd - from, StandardCharsets.UTF_8);
    }

    /** Reads an unsigned number up to the character after it; the line's end also ends it. */
    private long number(int radix, char after) {
      long value = 0;
      int from = position;
      while (position < lineEnd && text[position] != after) {
        int digit = Character.digit(text[position], radix);
        if (digit < 0 || Long.compareUnsigned(value, Long.divideUnsigned(-1L - digit, radix)) > 0) {
          throw malformed();
        }
        value = value * radix + digit;
        position++;
      }
      if (position == from || (position == lineEnd && after != ' ')) {
        throw malformed();
      }
      if (position < lineEnd) {
        position++;
      }
      return value;
    }

    private boolean flag(char yes, char no) {
      byte c = position < lineEnd ? text[position] : 0;
      if (c != yes && c != no) {
        throw malformed();
      }
      position++;
      return c == yes;
    }

    private void expect(char c) {
      if (position >= lineEnd || text[position] != c) {
        throw malformed();
      }
      position++;
    }

    private IllegalArgumentException malformed() {
      return new IllegalArgumentException("not a line of /proc/PID/maps: " + line());
    }
  }
}
