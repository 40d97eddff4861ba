package io.predump.images;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whose pages a pagemap lists: those of a process or those of a piece of shared memory.
 *
 * @param kind process or shared memory
 * @param id the process's pid as seen in its pid namespace, or CRIU's id of the shared memory; not
 *     negative
 */
public record PagesName(Kind kind, long id) {
  /** The two kinds of pagemap. */
  public enum Kind {
    /** Private memory of a process: {@code pagemap-PID.img}. */
    PROCESS("pagemap-"),
    /** Shared memory: {@code pagemap-shmem-ID.img}. */
    SHARED("pagemap-shmem-");

    private final String prefix;

    Kind(String prefix) {
      this.prefix = prefix;
    }
  }

  private static final Pattern FILE =
      Pattern.compile("pagemap-(shmem-)?(0|[1-9][0-9]{0,17})\\.img");

  /** Checks the id. */
  public PagesName {
    if (id < 0 || (kind == Kind.PROCESS && id > Integer.MAX_VALUE)) {
      throw new IllegalArgumentException("pages name: kind=" + kind + " id=" + id);
    }
  }

  /** The private pages of a process: {@code pagemap-PID.img}. */
  public static PagesName ofProcess(int pid) {
    return new PagesName(Kind.PROCESS, pid);
  }

  /**
   * The pages of shared memory: {@code pagemap-shmem-ID.img}, in which an address is an offset in
   * bytes.
   */
  public static PagesName ofShared(long id) {
    return new PagesName(Kind.SHARED, id);
  }

  /** The name that belongs to a file name, empty if that is not a pagemap's. */
  public static Optional<PagesName> ofFile(String fileName) {
    Matcher m = FILE.matcher(fileName);
    if (!m.matches()) {
      return Optional.empty();
    }
    long id = Long.parseLong(m.group(2));
    if (m.group(1) != null) {
      return Optional.of(ofShared(id));
    }
    return id > Integer.MAX_VALUE ? Optional.empty() : Optional.of(ofProcess((int) id));
  }

  /** The pagemap's file name. */
  public String fileName() {
    return kind.prefix + id + ".img";
  }

  @Override
  public String toString() {
    return fileName();
  }
}
