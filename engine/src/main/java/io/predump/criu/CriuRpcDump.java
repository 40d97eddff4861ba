package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.engine.Checkpointer;
import io.predump.images.CriuOrigin;
import io.predump.linux.AddressRange;
import io.predump.linux.Fd;
import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A dump that was asked for over CRIU's RPC, as the last round of a session: {@code
 * session.finish(dump, verify)}. With the tree left running, {@link Order#delivery} is the caller's
 * to run, after that.
 *
 * <p>Used by one thread, once.
 */
public final class CriuRpcDump implements Checkpointer {
  /**
   * What is asked for.
   *
   * @param criu the program
   * @param request the client's, of type DUMP; every descriptor in it is ours, and there is a work
   *     directory
   * @param log where CRIU's log comes to lie, for its last words
   * @param client told the stages, if the request says so
   * @param delivery run before CRIU ends the tree
   */
  public record Order(
      CriuProgram criu, CriuRequest request, Path log, RpcClient client, Delivery delivery) {}

  private final Order order;
  private @Nullable Path files;
  private @Nullable RpcFreeze freeze;
  private @Nullable IOException undelivered;
  private Optional<CriuResponse> response = Optional.empty();

  private CriuRpcDump(Order order) {
    this.order = order;
  }

  /**
   * Prepares a dump.
   *
   * @throws CriuException LACKING if this criu cannot preload the veil
   */
  public static CriuRpcDump prepare(Order order) throws IOException {
    Optional<String> obstacle = Preloading.obstacle(order.criu().path());
    if (obstacle.isPresent()) {
      throw new CriuException(
          Kind.LACKING,
          order.criu().path()
              + " "
              + obstacle.get()
              + ": it cannot be kept from copying memory over RPC");
    }
    return new CriuRpcDump(order);
  }

  /** {@return CRIU's last response, once there is one} */
  public Optional<CriuResponse> response() {
    return freeze == null ? response : freeze.response();
  }

  /** {@return whether the tree is to run on after a dump that went well} */
  public boolean leavesRunning() {
    return order.request().getOpts().getLeaveRunning();
  }

  @Override
  public String description() {
    return "criu " + order.criu().version() + " (" + CriuOrigin.Mode.VEIL.label() + ", rpc)";
  }

  @Override
  public List<String> warnings() {
    return List.of();
  }

  @Override
  public Freeze freeze(Path directory, Pid root) throws IOException {
    files = directory;
    PrivateDirectory work = PrivateDirectory.makeForPrograms("predump-criu-");
    Veil veil;
    try {
      veil = Veil.unpack(work.path());
    } catch (IOException | RuntimeException e) {
      work.close();
      throw e;
    }
    RpcCriu process = RpcCriu.start(order.criu(), work, veil::putInto);
    boolean held = false;
    try (Fd images = Fd.openDirectory(directory.toString())) {
      process.send(changed(images, root));
      long since = awaitHold(process);
      if (!veil.hasAnswered()) {
        throw new CriuException(
            Kind.LACKING,
            "the veil did not take: "
                + order.criu().path()
                + " preloaded nothing; the tree runs on");
      }
      HeldTree tree = HeldTree.below(root);
      if (!order.criu().knowsGuardPages()) {
        for (Pid pid : tree.pids()) {
          GuardPages.requireNone(pid, order.criu());
        }
      }
      RpcFreeze standing = new RpcFreeze(order, process, tree, since, leavesRunning());
      freeze = standing;
      held = true;
      return standing;
    } finally {
      if (!held) {
        process.close();
      }
    }
  }

  /** Its files go into the round; parent and tracking are ours; its stages we must know. */
  private CriuRequest changed(Fd images, Pid root) {
    CriuOptions.Builder options =
        order.request().getOpts().toBuilder()
            .setImagesDirFd(images.number())
            .clearImagesDir()
            .setPid(root.number())
            .setNotifyScripts(true)
            .clearParentImg()
            .clearTrackMem()
            .clearAutoDedup();
    return order.request().toBuilder().setOpts(options).build();
  }

  /** {@return the time before the tree was frozen} */
  private long awaitHold(RpcCriu process) throws IOException {
    long since = System.nanoTime();
    while (true) {
      Optional<CriuResponse> message = process.receive();
      if (message.isEmpty()) {
        process.awaitEnd();
        throw new CriuException(
            Kind.FAILED,
            "criu dump ("
                + order.criu().path()
                + ") ended without an answer: "
                + process.lastWords(order.log()));
      }
      if (message.get().getType() != RpcTypes.NOTIFY) {
        response = message;
        throw new CriuException(
            Kind.FAILED,
            "criu dump ("
                + order.criu().path()
                + ") failed, and the tree runs on: "
                + process.lastWords(order.log()));
      }
      String stage = message.get().getNotify().getScript();
      if (stage.equals(RpcTypes.STAGE_POST_DUMP)) {
        return since;
      }
      process.send(RpcTypes.answer(tell(order, message.get())));
      if (stage.equals(RpcTypes.STAGE_PRE_DUMP)) {
        since = System.nanoTime();
      }
    }
  }

  /** Tells the client a stage if it wants to know. */
  static boolean tell(Order order, CriuResponse stage) throws IOException {
    return !order.request().getOpts().getNotifyScripts() || order.client().notify(stage);
  }

  @Override
  public Map<Integer, List<AddressRange>> privateMappings() throws IOException {
    return CriuDump.privateMappings(directory());
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
    return !leavesRunning();
  }

  @Override
  public CriuOrigin origin() {
    return new CriuOrigin(order.criu().version(), CriuOrigin.Mode.VEIL);
  }

  @Override
  public void durable() {
    try {
      order.delivery().deliver();
      frozen().allow();
    } catch (IOException e) {
      undelivered = e;
    }
  }

  @Override
  public void requireDone() throws IOException {
    IOException failed = undelivered;
    if (failed != null) {
      throw failed;
    }
    frozen().requireDone();
  }

  private RpcFreeze frozen() {
    RpcFreeze known = freeze;
    if (known == null) {
      throw new IllegalStateException("not frozen yet");
    }
    return known;
  }
}
