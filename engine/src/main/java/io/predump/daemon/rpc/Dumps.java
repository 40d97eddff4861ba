package io.predump.daemon.rpc;

import io.predump.criu.CriuProgram;
import io.predump.criu.CriuRpcDump;
import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.daemon.Failure;
import io.predump.engine.FinalRound;
import io.predump.images.RawImages.TakeOver;
import io.predump.linux.Pid;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Serves DUMP on a parent that a pre-dump here has filled: the last round, with the real criu. */
final class Dumps {
  private static final Logger LOG = LoggerFactory.getLogger(Dumps.class);

  private final TrackedTrees trees;

  Dumps(TrackedTrees trees) {
    this.trees = trees;
  }

  /**
   * {@return whether the dump is served here, or refused: its tree is tracked and its parent ours,
   * or the parent was filled by a daemon that is gone, and nobody may build on it}
   */
  boolean isOurs(Caller caller, CriuRequest request) throws IOException {
    if (!Requests.isDumpWithParent(request)) {
      return false;
    }
    try (CallerFiles files = CallerFiles.open(caller, request.getOpts())) {
      if (files.hasMarkedParent()) {
        return true;
      }
      Optional<TrackedTree> tree = tree(request);
      Optional<Path> parent = files.parent();
      if (tree.isEmpty() || parent.isEmpty()) {
        return false;
      }
      tree.get().lock().lock();
      try {
        return tree.get().fillings().roundOf(parent.get()).isPresent();
      } finally {
        tree.get().lock().unlock();
      }
    }
  }

  /** {@return the tree that can be dumped here as the request says} */
  private Optional<TrackedTree> tree(CriuRequest request) throws IOException {
    return Requests.isIntoFiles(request) ? trees.find(Requests.target(request)) : Optional.empty();
  }

  /**
   * Serves one that is ours.
   *
   * @return CRIU's response, a good one
   * @throws IOException if it fails: the tree runs on, unless the message says otherwise
   */
  CriuResponse serve(Caller caller, CriuRequest request, CriuProgram criu) throws IOException {
    Optional<TrackedTree> known = tree(request);
    if (known.isEmpty()) {
      throw refusal(caller, request);
    }
    TrackedTree tree = known.get();
    Pid target = tree.session().target();
    CriuResponse response;
    boolean ended;
    tree.lock().lock();
    try (Translation ours = Translation.of(caller, request);
        CallerFiles files = CallerFiles.open(caller, request.getOpts())) {
      files.lock();
      CriuRequest changed = ours.withWorkDirectory(files.workDescriptor());
      try {
        response = dump(tree, files, new Asked(caller, changed, criu));
        ended = !request.getOpts().getLeaveRunning() && !request.getOpts().getLeaveStopped();
      } catch (IOException | RuntimeException e) {
        files.logFailure(Failure.of(e).message());
        throw e;
      }
    } finally {
      tree.lock().unlock();
    }
    LOG.info("event=rpc-dump pid={} criu={}", target, criu.version());
    if (ended) {
      trees.release(tree);
    }
    return response;
  }

  /** Who asks for what, of which program. */
  private record Asked(Caller caller, CriuRequest request, CriuProgram criu) {}

  private static CriuResponse dump(TrackedTree tree, CallerFiles files, Asked asked)
      throws IOException {
    Path parent = files.parent().orElseThrow(() -> noParent(tree.session().target()));
    tree.fillings().forget(files.images());
    if (tree.fillings().roundOf(parent).isEmpty()) {
      throw noParent(tree.session().target());
    }
    CriuRpcDump dump =
        CriuRpcDump.prepare(
            new CriuRpcDump.Order(
                asked.criu(),
                asked.request(),
                files.log(),
                asked.caller(),
                () -> fill(tree, files, parent, OptionalInt.empty(), TakeOver.LINK)));
    Optional<FinalRound> last = tree.session().finish(dump, false);
    if (last.isEmpty()) {
      throw new DaemonException(
          ErrorCode.TARGET_GONE, "pid=" + tree.session().target() + " ended on the way");
    }
    if (dump.leavesRunning()) {
      OptionalInt round = OptionalInt.of(last.get().record().round());
      fill(tree, files, parent, round, TakeOver.COPY);
    }
    return dump.response().orElseThrow();
  }

  /**
   * Either on the session's thread, where nobody else takes a round, or, that having done its work,
   * on ours: the chain may hold rounds then that others have taken since.
   */
  private static void fill(
      TrackedTree tree, CallerFiles files, Path parent, OptionalInt which, TakeOver takeOver)
      throws IOException {
    OptionalInt parentRound = tree.fillings().roundOf(parent);
    if (parentRound.isEmpty()) {
      throw noParent(tree.session().target());
    }
    int round = files.fill(tree, which, parentRound, takeOver);
    tree.fillings().filled(files.images(), round, Optional.of(parent));
  }

  private static DaemonException refusal(Caller caller, CriuRequest request) throws IOException {
    DaemonException refusal = noParent(new Pid(request.getOpts().getPid()));
    try (CallerFiles files = CallerFiles.open(caller, request.getOpts())) {
      files.logFailure(Failure.of(refusal).message());
    }
    return refusal;
  }

  private static DaemonException noParent(Pid target) {
    return new DaemonException(
        ErrorCode.USAGE,
        "pid="
            + target
            + ": parent_img is not what a pre-dump of this process has filled here: dump without"
            + " parent_img");
  }
}
