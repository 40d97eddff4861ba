package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import io.predump.proto.CriuNotify;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A tree that stands still because a {@code criu swrk} waits for the answer to {@code post-dump}.
 * Closing tells the client that stage, answers, and waits for CRIU's end: well if the tree is to
 * run on or that was allowed, and the client agrees; else CRIU resumes everything.
 */
final class RpcFreeze implements Freeze, HeldTree.Holder {
  private final CriuRpcDump.Order order;
  private final RpcCriu process;
  private final HeldTree tree;
  private final long frozenSinceNanos;
  private boolean allowed;
  private boolean closed;
  private long thawedNanos;
  private Optional<CriuResponse> response = Optional.empty();
  private @Nullable IOException failure;

  /**
   * @param process taken over
   * @param allowed whether all is well even if nobody says so: the tree runs on anyway
   */
  RpcFreeze(
      CriuRpcDump.Order order,
      RpcCriu process,
      HeldTree tree,
      long frozenSinceNanos,
      boolean allowed) {
    this.order = order;
    this.process = process;
    this.tree = tree;
    this.frozenSinceNanos = frozenSinceNanos;
    this.allowed = allowed;
  }

  /** Closing ends the dump well: the round is durable, and where it was asked for. */
  void allow() {
    allowed = true;
  }

  /** {@return CRIU's last response, once there is one} */
  Optional<CriuResponse> response() {
    return response;
  }

  List<Pid> pids() {
    return tree.pids();
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
        Kind.FAILED,
        "criu (" + order.criu().path() + ") " + what + ": " + process.lastWords(order.log()));
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try (process) {
      process.send(RpcTypes.answer(allowed && clientAgrees()));
      awaitResponse();
      process.awaitEnd();
      thawedNanos = System.nanoTime();
      boolean well = response.map(CriuResponse::getSuccess).orElse(false);
      if (failure == null && allowed && !well) {
        failure =
            failed(
                "failed after its dump was complete ("
                    + HeldTree.afterLateFailure(order.request().getOpts().getLeaveRunning())
                    + ")");
      }
    } catch (IOException e) {
      thawedNanos = System.nanoTime();
      failure = failure == null ? e : failure;
    }
  }

  private boolean clientAgrees() {
    CriuNotify stage = CriuNotify.newBuilder().setScript(RpcTypes.STAGE_POST_DUMP).build();
    try {
      if (CriuRpcDump.tell(
          order,
          CriuResponse.newBuilder()
              .setType(RpcTypes.NOTIFY)
              .setSuccess(true)
              .setNotify(stage)
              .build())) {
        return true;
      }
      failure =
          new CriuException(
              Kind.FAILED, "the client said no at post-dump: nothing is dumped, the tree runs on");
    } catch (IOException e) {
      failure = e;
    }
    return false;
  }

  /** Passes on the stages after the freeze; what a client says to them CRIU does not heed. */
  private void awaitResponse() throws IOException {
    Optional<CriuResponse> message = process.receive();
    while (message.isPresent() && message.get().getType() == RpcTypes.NOTIFY) {
      process.send(RpcTypes.answer(heard(message.get())));
      message = process.receive();
    }
    response = message;
  }

  private boolean heard(CriuResponse stage) {
    try {
      return CriuRpcDump.tell(order, stage);
    } catch (IOException e) {
      failure = failure == null ? e : failure;
      return false;
    }
  }

  /**
   * Makes sure that CRIU ended well, and the client agreed.
   *
   * @throws IOException if not
   */
  void requireDone() throws IOException {
    IOException known = failure;
    if (known != null) {
      throw known;
    }
  }
}
