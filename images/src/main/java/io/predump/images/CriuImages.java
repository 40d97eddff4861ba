package io.predump.images;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** CRIU's own images. */
public final class CriuImages {
  private final List<CriuTask> tasks;

  private CriuImages(List<CriuTask> tasks) {
    this.tasks = tasks;
  }

  /** Opens. */
  public static CriuImages open(Path dir) throws IOException {
    List<CriuTask> tasks = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(dir, "mm-*.img")) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        int vpid = Integer.parseInt(name.substring(3, name.length() - 4));
        MmImage mm = ImageFiles.mm(file, ImageFiles.readAll(file));
        List<CriuTask.Mapping> ranges = new ArrayList<>();
        for (VmaImage v : mm.vmas()) {
          int s = v.status();
          boolean priv = ((s & 1) != 0 && (s & 0x240) != 0) || (s & 1 << 13) != 0;
          if (priv && (s & (1 << 2 | 1 << 12 | 1 << 16)) == 0) {
            ranges.add(new CriuTask.Mapping(v.start(), v.end()));
          }
        }
        tasks.add(new CriuTask(vpid, 0, ranges));
      }
    }
    return new CriuImages(tasks);
  }

  /** {@return tasks} */
  public List<CriuTask> tasks() {
    return tasks;
  }
}
