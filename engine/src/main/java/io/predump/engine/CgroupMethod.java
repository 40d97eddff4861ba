package io.predump.engine;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import io.predump.linux.cgroup.CgroupException;
import io.predump.linux.cgroup.CgroupFreeze;
import io.predump.linux.cgroup.FreezerCgroup;
import io.predump.linux.cgroup.ThawGuard;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Everybody in one control group, at once, by its freezer. */
final class CgroupMethod implements FreezeMethod {
  private final FreezerCgroup cgroup;

  /** Null if the group was frozen before we came: then it is not ours to thaw. */
  private final @Nullable ThawGuard guard;

  private final List<String> warnings;

  private CgroupMethod(FreezerCgroup cgroup, @Nullable ThawGuard guard, List<String> warnings) {
    this.cgroup = cgroup;
    this.guard = guard;
    this.warnings = List.copyOf(warnings);
  }

  /**
   * Refuses a directory that will not do, before anything is touched.
   *
   * @throws TargetRefusedException naming the directory, and the process that sits elsewhere
   */
  static void check(Path directory, Collection<Pid> tree) throws IOException {
    try {
      FreezerCgroup.at(directory).requireHolds(tree);
    } catch (CgroupException e) {
      throw new TargetRefusedException(Kind.USAGE, "--freeze-cgroup " + e.getMessage());
    }
  }

  /**
   * Makes ready to freeze: starts the guard that thaws should this program die.
   *
   * @throws IOException if there is no such group any more, or no guard
   */
  static CgroupMethod prepare(Path directory, Collection<Pid> tree) throws IOException {
    FreezerCgroup cgroup = FreezerCgroup.at(directory);
    List<String> warnings = new ArrayList<>();
    ThawGuard guard = null;
    if (cgroup.isAskedToFreeze()) {
      warnings.add(cgroup + " was frozen already, and is left frozen");
    } else {
      guard = ThawGuard.of(cgroup);
      if (!guard.isApart()) {
        warnings.add(
            cgroup
                + " is thawed by process "
                + guard.pid()
                + " should this program be killed, but whoever kills this program's own cgroup as"
                + " a whole while the target is frozen leaves it frozen");
      }
    }
    Set<Pid> others = new HashSet<>(cgroup.processes());
    others.removeAll(Set.copyOf(tree));
    if (!others.isEmpty()) {
      warnings.add(
          cgroup + " holds processes that are not copied but freeze too: count=" + others.size());
    }
    return new CgroupMethod(cgroup, guard, warnings);
  }

  @Override
  public Freeze freeze(TargetTree tree, Duration timeout) throws IOException {
    CgroupFreeze freeze = CgroupFreeze.of(cgroup, guard, timeout);
    try {
      // Who is born in the group is born frozen; who was moved out of it is not frozen.
      cgroup.requireHolds(tree.pids());
      return freeze;
    } catch (IOException | RuntimeException e) {
      freeze.close();
      throw e;
    }
  }

  @Override
  public boolean isPassing(IOException failure) {
    return FreezeMethod.isOfAMoment(failure)
        || (failure instanceof CgroupException e && e.reason() == CgroupException.Reason.NO_STOP);
  }

  @Override
  public String description() {
    return cgroup.toString();
  }

  @Override
  public List<String> warnings() {
    return warnings;
  }

  @Override
  public void close() {
    if (guard != null) {
      guard.close();
    }
  }
}
