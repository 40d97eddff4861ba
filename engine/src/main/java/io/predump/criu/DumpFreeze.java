package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.images.CriuOrigin;
import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A tree that stands still because a {@code criu dump} waits in its {@code post-dump} hook. Closing
 * ends the hook and waits for CRIU's end: well if the tree is to run on or that was allowed, else
 * so that CRIU takes the dump for failed and resumes everything.
 */
final class DumpFreeze implements Freeze, HeldTree.Holder {
  /**
   * What to start.
   *
   * @param criu the program
   * @param options how
   * @param mode how it is kept from copying private memory
   * @param files where its images go
   * @param work an empty private directory for everything else
   * @param root of the tree
   */
  record Order(
      CriuProgram criu,
      DumpOptions options,
      CriuOrigin.Mode mode,
      Path files,
      Path work,
      Pid root) {}

  private final Order order;
  private final DumpHook hook;
  private final Optional<Veil> veil;
  private final Optional<LazyClient> lazy;
  private final CriuProcess process;
  private final HeldTree tree;
  private final long frozenSinceNanos;
  private boolean allowed;
  private boolean closed;
  private long thawedNanos;
  private @Nullable IOException failure;

  private DumpFreeze(
      Order order,
      DumpHook hook,
      Optional<Veil> veil,
      Optional<LazyClient> lazy,
      CriuProcess process,
      HeldTree tree,
      long frozenSinceNanos) {
    this.order = order;
    this.hook = hook;
    this.veil = veil;
    this.lazy = lazy;
    this.process = process;
    this.tree = tree;
    this.frozenSinceNanos = frozenSinceNanos;
    this.allowed = order.options().afterDump() == AfterDump.RUNNING;
  }

  /**
   * Starts CRIU and waits until it has dumped all it has to and holds the tree for us.
   *
   * @throws CriuException if it fails before; the tree runs on
   */
  static DumpFreeze open(Order order) throws IOException {
    Optional<Veil> veil = Optional.empty();
    Optional<LazyClient> lazy = Optional.empty();
    if (order.mode() == CriuOrigin.Mode.VEIL) {
      veil = Optional.of(Veil.unpack(order.work()));
    } else {
      lazy = Optional.of(LazyClient.choosePort());
    }
    DumpHook hook = DumpHook.make(order.work());
    boolean held = false;
    try {
      Optional<Veil> preloaded = veil;
      CriuProcess process =
          CriuProcess.start(
              order.criu(),
              arguments(order, hook, lazy),
              hook,
              order.work(),
              environment -> preloaded.ifPresent(v -> v.putInto(environment)));
      long since = awaitHold(hook, process, order);
      HeldTree tree = HeldTree.below(order.root());
      DumpFreeze freeze = new DumpFreeze(order, hook, veil, lazy, process, tree, since);
      held = true;
      return freeze;
    } finally {
      if (!held) {
        hook.close();
      }
    }
  }

  private static List<String> arguments(Order order, DumpHook hook, Optional<LazyClient> lazy) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "dump",
                "--tree",
                order.root().toString(),
                "--images-dir",
                order.files().toString(),
                "--work-dir",
                order.work().toString(),
                "--log-file",
                "dump.log",
                "--action-script",
                hook.script().toString()));
    switch (order.options().afterDump()) {
      case RUNNING -> arguments.add("--leave-running");
      case STOPPED -> arguments.add("--leave-stopped");
      case KILLED -> {}
    }
    order
        .options()
        .freezeCgroup()
        .ifPresent(cgroup -> arguments.addAll(List.of("--freeze-cgroup", cgroup.toString())));
    lazy.ifPresent(client -> arguments.addAll(client.arguments()));
    arguments.addAll(order.options().extraArguments());
    return arguments;
  }

  /** {@return the time before the tree was frozen} */
  private static long awaitHold(DumpHook hook, CriuProcess process, Order order)
      throws IOException {
    long since = System.nanoTime();
    while (true) {
      String stage = hook.awaitStage();
      switch (stage) {
        case DumpHook.PRE_DUMP -> since = System.nanoTime();
        case DumpHook.POST_DUMP -> {
          return since;
        }
        default ->
            throw new CriuException(
                Kind.FAILED,
                "criu dump ("
                    + order.criu().path()
                    + ") failed, exit code "
                    + process.awaitEnd()
                    + ", and the tree runs on: "
                    + process.lastWords());
      }
    }
  }

  /** {@return whether the veil has hidden anything; true without one} */
  boolean veilAnswered() {
    return veil.isEmpty() || veil.get().hasAnswered();
  }

  /** Closing ends the dump well: the round is durable. */
  void allow() {
    allowed = true;
  }

  @Override
  public long frozenSinceNanos() {
    return frozenSinceNanos;
  }

  @Override
  public long thawedNanos() {
    return thawedNanos;
  }

  @Override
  public int threadCount() {
    return tree.threadCount();
  }

  @Override
  public void requireHeld() throws IOException {
    tree.requireHeldBy(this);
  }

  @Override
  public boolean endsWithin(Duration time) throws IOException {
    return process.endsWithin(time);
  }

  @Override
  public CriuException failed(String what) {
    return new CriuException(
        Kind.FAILED, "criu (" + order.criu().path() + ") " + what + ": " + process.lastWords());
  }

  /** {@return the processes that stand still, the root first} */
  List<Pid> pids() {
    return tree.pids();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      hook.answer(allowed);
      Optional<IOException> unserved = leaveLazyPages();
      int code = process.awaitEnd();
      thawedNanos = System.nanoTime();
      if (allowed && code != 0) {
        CriuException failed =
            failed(
                "failed after its dump was complete, exit code "
                    + code
                    + " ("
                    + HeldTree.afterLateFailure(order.options().afterDump() == AfterDump.RUNNING)
                    + ")");
        unserved.ifPresent(failed::addSuppressed);
        failure = failed;
      }
    } catch (IOException e) {
      thawedNanos = System.nanoTime();
      failure = e;
    } finally {
      hook.close();
    }
  }

  /**
   * With lazy pages CRIU comes to serve a client whatever the hook said before, waits for one
   * without a limit, and the tree with it. So it is let go on only once our client has come, which
   * it finds waiting and gone; without one it is told to fail, and lets the tree go.
   *
   * @return why no client came although one was to
   */
  private Optional<IOException> leaveLazyPages() throws IOException {
    if (lazy.isEmpty() || !hook.awaitStage().equals(DumpHook.STATUS_READY)) {
      return Optional.empty();
    }
    boolean served = false;
    try {
      if (allowed) {
        lazy.get().comeAndGo();
        served = true;
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(e);
    } finally {
      hook.answer(served);
    }
  }

  /**
   * Makes sure that CRIU ended well.
   *
   * @throws IOException if it did not
   */
  void requireDone() throws IOException {
    IOException known = failure;
    if (known != null) {
      throw known;
    }
  }
}
