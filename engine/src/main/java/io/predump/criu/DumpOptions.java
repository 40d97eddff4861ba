package io.predump.criu;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * How CRIU is to dump.
 *
 * @param mode how it is kept from copying private memory
 * @param afterDump what becomes of the tree
 * @param freezeCgroup the cgroup by which CRIU freezes, its {@code --freeze-cgroup}
 * @param extraArguments handed to {@code criu dump} as they are
 */
public record DumpOptions(
    CriuMode mode, AfterDump afterDump, Optional<Path> freezeCgroup, List<String> extraArguments) {

  /** The veil if possible; the tree ends. */
  public static final DumpOptions DEFAULT =
      new DumpOptions(CriuMode.AUTO, AfterDump.KILLED, Optional.empty(), List.of());

  public DumpOptions {
    extraArguments = List.copyOf(extraArguments);
  }

  /** {@return the same with another mode} */
  public DumpOptions withMode(CriuMode newMode) {
    return new DumpOptions(newMode, afterDump, freezeCgroup, extraArguments);
  }

  /** {@return the same with another fate of the tree} */
  public DumpOptions withAfterDump(AfterDump newAfterDump) {
    return new DumpOptions(mode, newAfterDump, freezeCgroup, extraArguments);
  }

  /** {@return the same with other arguments for CRIU} */
  public DumpOptions withExtraArguments(List<String> newArguments) {
    return new DumpOptions(mode, afterDump, freezeCgroup, newArguments);
  }
}
