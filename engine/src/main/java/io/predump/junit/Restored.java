package io.predump.junit;

import io.predump.criu.RestoreResult;
import io.predump.engine.VerifyResult;
import io.predump.linux.Pid;
import java.nio.file.Path;
import java.util.List;
import org.opentest4j.AssertionFailedError;

/** A target that came back from a whole checkpoint, and runs. */
public final class Restored {
  private final Path images;
  private final RunningTarget target;
  private final RestoreResult result;
  private final VerifyResult comparison;

  Restored(Path images, RunningTarget target, RestoreResult result, VerifyResult comparison) {
    this.images = images;
    this.target = target;
    this.result = result;
    this.comparison = comparison;
  }

  /** {@return the first process; its pid is the old one} */
  public Pid pid() {
    return target.pid();
  }

  /** {@return its processes that run, in the order of their pids} */
  public List<Pid> pids() {
    return target.processes().running();
  }

  /** {@return what the restore did and how long it took} */
  public RestoreResult result() {
    return result;
  }

  /** {@return the comparison of the images with memory, made before anything ran} */
  public VerifyResult comparison() {
    return comparison;
  }

  /**
   * Asserts that every page of private memory came back as the images hold it, and no page that
   * they do not hold. Shared memory, which CRIU restores from images of its own, is not compared.
   *
   * <p>The processes are stopped by a signal for it. A parent that handles SIGCHLD, as shells do,
   * may be told of its children's stops before it stops itself: the kernel then puts a signal frame
   * on its stack, and those pages differ.
   *
   * @return this
   * @throws AssertionFailedError if a page differs; names mapping, page and round of the first
   *     ones. Also if nothing was compared
   */
  public Restored assertSameAsImages() {
    MemoryDifferences.requireNone(images, target.description() + ", restored,", comparison);
    return this;
  }
}
