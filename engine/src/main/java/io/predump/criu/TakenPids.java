package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.images.CriuImages;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds out before a restore whether the numbers it needs are free. */
final class TakenPids {
  private static final int MAX_NAMED = 5;

  private TakenPids() {}

  /**
   * Refuses a restore whose pids are taken; a tree with a pid namespace of its own brings its
   * numbers along.
   *
   * @throws CriuException names the pids and who has them
   */
  static void refuse(CriuImages tree) throws IOException {
    if (tree.rootVpid() == 1) {
      return;
    }
    List<String> taken = new ArrayList<>();
    for (int id : tree.ids()) {
      if (taken.size() < MAX_NAMED && Files.exists(Path.of("/proc/" + id))) {
        taken.add(describe(id));
      }
    }
    if (!taken.isEmpty()) {
      throw new CriuException(
          Kind.FAILED,
          "the processes get their old pids again, and these are taken: "
              + String.join(", ", taken));
    }
  }

  private static String describe(int id) {
    try {
      byte[] bytes = Files.readAllBytes(Path.of("/proc/" + id + "/stat"));
      String stat = new String(bytes, StandardCharsets.ISO_8859_1);
      int end = stat.lastIndexOf(')');
      String name = stat.substring(stat.indexOf('(') + 1, end);
      String[] fields = stat.substring(end + 2).split(" ", 3);
      String dead = "a zombie its parent " + fields[1] + " does not reap: ";
      return id + " (" + (fields[0].equals("Z") ? dead : "") + name + ")";
    } catch (IOException | IndexOutOfBoundsException e) {
      return Integer.toString(id); // gone meanwhile, or not ours to see
    }
  }
}
