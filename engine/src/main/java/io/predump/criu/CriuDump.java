package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.engine.Checkpointer;
import io.predump.engine.PreDumpSession;
import io.predump.images.CriuImages;
import io.predump.images.CriuOrigin;
import io.predump.images.CriuTask;
import io.predump.linux.AddressRange;
import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One {@code criu dump} that makes the last round of a session a whole checkpoint: {@code
 * session.finish(criuDump, verify)}.
 *
 * <p>Used by one thread. Closing it removes its working directory; it must not be closed before the
 * session's round has ended.
 */
public final class CriuDump implements Checkpointer, AutoCloseable {
  private final CriuProgram criu;
  private final DumpOptions options;
  private final PrivateDirectory work;
  private final List<String> warnings = new ArrayList<>();
  private CriuOrigin.Mode mode;
  private int attempts;
  private @Nullable Path files;
  private @Nullable DumpFreeze freeze;

  private CriuDump(
      CriuProgram criu, DumpOptions options, PrivateDirectory work, CriuOrigin.Mode mode) {
    this.criu = criu;
    this.options = options;
    this.work = work;
    this.mode = mode;
  }

  /**
   * Prepares a dump.
   *
   * @param criu the program
   * @throws CriuException USAGE if an argument for CRIU cannot be; if the veil is demanded and this
   *     criu cannot preload it, or CRIU could not run the hook
   * @throws IOException if there is no room for temporary files
   */
  public static CriuDump prepare(CriuProgram criu, DumpOptions options) throws IOException {
    CriuArguments.DUMP.check(options.extraArguments());
    CriuOrigin.Mode mode =
        options.mode() == CriuMode.LAZY ? CriuOrigin.Mode.LAZY : CriuOrigin.Mode.VEIL;
    List<String> warnings = new ArrayList<>();
    if (mode == CriuOrigin.Mode.VEIL) {
      String obstacle = Preloading.obstacle(criu.path()).orElse("");
      if (!obstacle.isEmpty() && options.mode() == CriuMode.VEIL) {
        throw new CriuException(
            Kind.LACKING, criu.path() + " " + obstacle + ": use --criu-mode lazy");
      }
      if (!obstacle.isEmpty()) {
        mode = CriuOrigin.Mode.LAZY;
        warnings.add(fallback(criu.path() + " " + obstacle));
      }
    }
    CriuDump dump =
        new CriuDump(criu, options, PrivateDirectory.makeForPrograms("predump-criu-"), mode);
    dump.warnings.addAll(warnings);
    return dump;
  }

  private static String fallback(String reason) {
    return reason
        + ": CRIU is run with --lazy-pages instead, and the freeze grows with private memory";
  }

  /**
   * {@return how long the freeze will be}
   *
   * @param session attached
   * @throws IOException if the target is gone
   */
  public FreezeForecast forecast(PreDumpSession session) throws IOException {
    return FreezeForecast.of(
        mode == CriuOrigin.Mode.VEIL, session.usedBytes(), session.sharedBytes());
  }

  @Override
  public String description() {
    return "criu " + criu.version() + " (" + mode.label() + ")";
  }

  @Override
  public List<String> warnings() {
    return List.copyOf(warnings);
  }

  @Override
  public Freeze freeze(Path directory, Pid root) throws IOException {
    files = directory;
    DumpFreeze held = start(root);
    boolean veiled = mode == CriuOrigin.Mode.VEIL;
    if (veiled && !held.veilAnswered()) {
      held.close();
      String reason = "the veil did not take: " + criu.path() + " preloaded nothing";
      if (options.mode() == CriuMode.VEIL) {
        throw new CriuException(Kind.LACKING, reason + "; the tree runs on. Use --criu-mode lazy");
      }
      warnings.add(fallback(reason));
      mode = CriuOrigin.Mode.LAZY;
      empty(directory);
      held = start(root);
    }
    freeze = held;
    try {
      requireRepresentable(held.pids());
    } catch (IOException | RuntimeException e) {
      held.close();
      throw e;
    }
    return held;
  }

  private DumpFreeze start(Pid root) throws IOException {
    Path attempt = Files.createDirectory(work.path().resolve(String.valueOf(++attempts)));
    return DumpFreeze.open(new DumpFreeze.Order(criu, options, mode, directory(), attempt, root));
  }

  /** What the attempt before has written. */
  private static void empty(Path directory) throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        Files.delete(entry);
      }
    }
  }

  /** Before 4.2 CRIU's images cannot say that a page is a guard page. */
  private void requireRepresentable(List<Pid> pids) throws IOException {
    if (!criu.knowsGuardPages()) {
      for (Pid pid : pids) {
        GuardPages.requireNone(pid, criu);
      }
    }
  }

  @Override
  public Map<Integer, List<AddressRange>> privateMappings() throws IOException {
    return privateMappings(directory());
  }

  /** {@return the mappings of CRIU's images in a directory whose pages are ours} */
  static Map<Integer, List<AddressRange>> privateMappings(Path directory) throws IOException {
    Map<Integer, List<AddressRange>> mappings = new HashMap<>();
    for (CriuTask task : CriuImages.open(directory).tasks()) {
      mappings.put(
          task.vpid(),
          task.privateMappings().stream().map(m -> new AddressRange(m.start(), m.end())).toList());
    }
    return mappings;
  }

  private Path directory() {
    Path known = files;
    if (known == null) {
      throw new IllegalStateException("not frozen yet");
    }
    return known;
  }

  @Override
  public boolean holdsUntilDurable() {
    return options.afterDump() != AfterDump.RUNNING;
  }

  @Override
  public CriuOrigin origin() {
    return new CriuOrigin(criu.version(), mode);
  }

  @Override
  public void durable() {
    frozen().allow();
  }

  @Override
  public void requireDone() throws IOException {
    frozen().requireDone();
  }

  private DumpFreeze frozen() {
    DumpFreeze known = freeze;
    if (known == null) {
      throw new IllegalStateException("not frozen yet");
    }
    return known;
  }

  /** Removes the working directory. */
  @Override
  public void close() {
    work.close();
  }
}
