package io.predump.images;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Checks every byte of every round of an images directory. */
public final class ChainVerifier {
  private final int threads;

  /**
   * Makes a verifier.
   *
   * @param threads threads that decompress, at least 1
   */
  public ChainVerifier(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads=" + threads);
    }
    this.threads = threads;
  }

  /**
   * Something that is wrong.
   *
   * @param file path relative to the images directory
   * @param offset byte offset in the file, −1 if it is wrong as a whole
   * @param message what is wrong, without the name of the file
   */
  public record Problem(String file, long offset, String message) {
    @Override
    public String toString() {
      return file + ": " + message;
    }
  }

  /**
   * What a verification found.
   *
   * @param problems what makes the images unfit for use; empty if they are good
   * @param warnings what harms nobody
   * @param rounds rounds checked
   * @param files files and links checked
   * @param frames frames decompressed
   * @param pages PRESENT pages in them
   * @param bytes bytes of all files read
   */
  public record Report(
      List<Problem> problems,
      List<Problem> warnings,
      int rounds,
      long files,
      long frames,
      long pages,
      long bytes) {
    /** True if there is no problem. */
    public boolean isClean() {
      return problems.isEmpty();
    }
  }

  /**
   * Checks a directory; problems do not stop it.
   *
   * @throws IOException if the directory is absent, is something else, or the disk fails
   */
  public Report verify(Path dir) throws IOException {
    return new ChainCheck(dir, threads).run();
  }
}
