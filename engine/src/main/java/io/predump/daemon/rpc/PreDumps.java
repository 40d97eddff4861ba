package io.predump.daemon.rpc;

import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.daemon.Failure;
import io.predump.images.RawImages.TakeOver;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Serves PRE_DUMP and SINGLE_PRE_DUMP: a live round, put where the client wants it. */
final class PreDumps {
  private static final Logger LOG = LoggerFactory.getLogger(PreDumps.class);

  private final TrackedTrees trees;

  PreDumps(TrackedTrees trees) {
    this.trees = trees;
  }

  /**
   * Serves one.
   *
   * @throws IOException if it fails: the target runs on, and a later round still covers everything
   * @throws UnsupportedOperationException if it is of a kind that cannot be served here
   */
  void serve(Caller caller, CriuRequest request) throws IOException {
    CriuOptions options = request.getOpts();
    try (CallerFiles files = CallerFiles.open(caller, options)) {
      try {
        files.lock();
        files.log("predump: pre-dump" + (options.hasPid() ? " of pid " + options.getPid() : ""));
        if (!Requests.isIntoFiles(request)) {
          throw new UnsupportedOperationException(
              "a pre-dump to a page server, with lazy_pages or without a pid needs soft-dirty bits,"
                  + " which this kernel lacks, or a parent that is not ours: have it put into"
                  + " files");
        }
        Pid target = Requests.target(request);
        TrackedTree tree = trees.obtain(target);
        tree.lock().lock();
        try {
          round(tree, files);
        } finally {
          tree.lock().unlock();
        }
      } catch (IOException | RuntimeException e) {
        files.logFailure(Failure.of(e).message());
        throw e;
      }
    }
  }

  private static void round(TrackedTree tree, CallerFiles files) throws IOException {
    Optional<RoundRecord> record = tree.session().round();
    if (record.isEmpty()) {
      throw new DaemonException(
          ErrorCode.TARGET_GONE, "pid=" + tree.session().target() + " ended on the way");
    }
    tree.fillings().forget(files.images());
    Optional<Path> parent = files.parent();
    OptionalInt parentRound =
        parent.isPresent() ? tree.fillings().roundOf(parent.get()) : OptionalInt.empty();
    int round = record.get().round();
    files.fill(tree, OptionalInt.of(round), parentRound, TakeOver.COPY);
    tree.fillings()
        .filled(files.images(), round, parentRound.isPresent() ? parent : Optional.empty());
    LOG.info(
        "event=rpc-pre-dump pid={} round={} parent={}",
        tree.session().target(),
        round,
        parentRound.isPresent() ? parentRound.getAsInt() : "none");
  }
}
