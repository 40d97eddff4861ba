package io.predump.engine;

import io.predump.images.VmaPolicy;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;

/** Mappings for unit tests, from lines of /proc/PID/maps. */
final class Vmas {
  private Vmas() {}

  /** {@return the mapping a line shows} */
  static Vma vma(String line) {
    return MemoryMap.parse(line + "\n").vmas().get(0);
  }

  /** {@return the mapping a line shows, tracked} */
  static PolicedVma tracked(String line) {
    Vma vma = vma(line);
    return new PolicedVma(vma, VmaPolicy.TRACK, "private", vma.isFilePrivate(), 4096);
  }
}
