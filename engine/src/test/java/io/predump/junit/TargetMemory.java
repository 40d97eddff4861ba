package io.predump.junit;

import io.predump.linux.Pid;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import java.io.IOException;
import java.io.RandomAccessFile;

/** The memory of a target, to be damaged by controls. */
final class TargetMemory {
  private TargetMemory() {}

  /** {@return the mapping of this size} */
  static Vma mapping(Pid pid, long bytes) throws IOException {
    return MemoryMap.read(pid).vmas().stream()
        .filter(vma -> vma.end() - vma.start() == bytes)
        .findFirst()
        .orElseThrow();
  }

  /** Turns every bit of a byte over. */
  static void turnOver(Pid pid, long address) throws IOException {
    try (RandomAccessFile memory = new RandomAccessFile(pid.procPath("mem"), "rw")) {
      memory.seek(address);
      int before = memory.read();
      memory.seek(address);
      memory.write(~before);
    }
  }
}
