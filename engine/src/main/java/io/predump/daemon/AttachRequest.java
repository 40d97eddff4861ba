package io.predump.daemon;

import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What to attach, and how the session lives.
 *
 * @param target the process, with everything below it unless {@code options} say single
 * @param imagesDir where rounds go; absolute
 * @param options how it copies
 * @param name what else to call the session, unique among those that live: letters, digits, and
 *     {@code . _ -}, beginning with a letter, at most 64
 * @param rpo how old the newest round may become: the session takes rounds by itself
 * @param detachAfter when the session ends, counted from its start, however busy
 * @param idleTimeout when the session ends if nobody asked anything of it meanwhile, its own rounds
 *     for an {@code rpo} not counted
 */
public record AttachRequest(
    Pid target,
    Path imagesDir,
    SessionOptions options,
    Optional<String> name,
    Optional<Duration> rpo,
    Optional<Duration> detachAfter,
    Optional<Duration> idleTimeout) {
  private static final String NAME = "[a-zA-Z][a-zA-Z0-9._-]{0,63}";

  /** What a session's own id looks like; no name may. */
  private static final String ID = "s[0-9]+";

  public AttachRequest {
    if (!imagesDir.isAbsolute()) {
      throw new IllegalArgumentException("not an absolute path: " + imagesDir);
    }
    if (name.isPresent() && (!name.get().matches(NAME) || name.get().matches(ID))) {
      throw new IllegalArgumentException(
          "not a name for a session: letters, digits and . _ - after a letter, at most 64, and not"
              + " s with a number");
    }
    positive("rpo", rpo);
    positive("detachAfter", detachAfter);
    positive("idleTimeout", idleTimeout);
  }

  private static void positive(String name, Optional<Duration> time) {
    if (time.isPresent() && (time.get().isZero() || time.get().isNegative())) {
      throw new IllegalArgumentException(name + "=" + time.get() + ": longer than nothing");
    }
  }

  /** {@return a request without a name or times} */
  public static AttachRequest of(Pid target, Path imagesDir, SessionOptions options) {
    return new AttachRequest(
        target,
        imagesDir,
        options,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** {@return the same under a name} */
  public AttachRequest withName(String newName) {
    return new AttachRequest(
        target, imagesDir, options, Optional.of(newName), rpo, detachAfter, idleTimeout);
  }

  /** {@return the same with rounds that the session takes by itself} */
  public AttachRequest withRpo(Duration newRpo) {
    return new AttachRequest(
        target, imagesDir, options, name, Optional.of(newRpo), detachAfter, idleTimeout);
  }

  /** {@return the same with an end} */
  public AttachRequest withDetachAfter(Duration time) {
    return new AttachRequest(target, imagesDir, options, name, rpo, Optional.of(time), idleTimeout);
  }

  /** {@return the same with an end if nobody asks anything} */
  public AttachRequest withIdleTimeout(Duration time) {
    return new AttachRequest(target, imagesDir, options, name, rpo, detachAfter, Optional.of(time));
  }
}
