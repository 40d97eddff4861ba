package io.predump.daemon.rpc;

import io.predump.criu.CriuProgram;
import io.predump.criu.RpcTypes;
import io.predump.daemon.Failure;
import io.predump.daemon.Sessions;
import io.predump.engine.SessionOptions;
import io.predump.engine.TrackerChoice;
import io.predump.engine.TrackerPlan;
import io.predump.linux.KernelFeatures;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Serves CRIU's RPC, whoever brings the sockets. For any thread; closing it leaves the sessions to
 * the registry.
 */
public final class RpcService implements AutoCloseable {
  /**
   * Below a state directory, where the chains lie: a name that nobody else gives, for what is found
   * there from before goes.
   */
  public static final String CHAINS = "predump-rpc-chains";

  private final TrackedTrees trees;
  private final PreDumps preDumps;
  private final Dumps dumps;
  private final ClientLog clientLog = new ClientLog();
  private final Optional<Path> named;
  private @Nullable CriuProgram found;

  private RpcService(TrackedTrees trees, Optional<Path> named) {
    this.trees = trees;
    this.preDumps = new PreDumps(trees);
    this.dumps = new Dumps(trees);
    this.named = named;
  }

  /**
   * Begins.
   *
   * @param sessions where the sessions are registered; borrowed
   * @param options how trees are copied
   * @param directory for the chains of the sessions; those of before go. Its parent exists
   * @param criu the real criu; empty: found as the command line finds it, when one is needed
   * @param form of what clients find in their directories
   * @throws io.predump.daemon.DaemonException if another program uses the directory
   */
  public static RpcService begin(
      Sessions sessions,
      SessionOptions options,
      Path directory,
      Optional<Path> criu,
      ImageForm form)
      throws IOException {
    return new RpcService(TrackedTrees.begin(sessions, options, directory, form), criu);
  }

  /**
   * Serves all requests of a client, and returns when there are no more.
   *
   * @param socket of type SOCK_SEQPACKET; borrowed
   * @return whether all went well
   * @throws IOException if the client is not to be served; nothing was received
   */
  public boolean serve(UnixSocket socket) throws IOException {
    return new Conversation(this, Caller.of(socket)).serve();
  }

  /** {@return whether a request is served here; else the real criu is to have it} */
  boolean isOurs(Caller caller, CriuRequest request) {
    if (request.getType() == RpcTypes.FEATURE_CHECK) {
      return true;
    }
    if (Requests.isPreDump(request)) {
      // Without soft-dirty bits a pre-dump of the real criu aborts and leaves its parasite mapped
      // in the target: what we cannot do is refused here.
      return Requests.isIntoFiles(request)
          || !KernelFeatures.current().softDirty().present()
          || hasMarkedParent(caller, request);
    }
    try {
      return dumps.isOurs(caller, request);
    } catch (IOException e) {
      return false; // what is wrong with it the real criu will find and say
    }
  }

  private static boolean hasMarkedParent(Caller caller, CriuRequest request) {
    try (CallerFiles files = CallerFiles.open(caller, request.getOpts())) {
      return files.hasMarkedParent();
    } catch (IOException e) {
      return false; // as above
    }
  }

  /** {@return what a client gets of the real criu's response} */
  CriuResponse changed(CriuRequest request, CriuResponse response) {
    if (request.getType() != RpcTypes.FEATURE_CHECK
        || !response.getSuccess()
        || !request.getFeatures().getMemTrack()
        || !tracks()) {
      return response;
    }
    return response.toBuilder()
        .setFeatures(response.getFeatures().toBuilder().setMemTrack(true))
        .build();
  }

  /** {@return whether this kernel tells who has written} */
  private static boolean tracks() {
    return TrackerPlan.automatic(KernelFeatures.current()).tracker() != TrackerChoice.COMPARE;
  }

  /** Whoever counts what fails is told. */
  void requestFailed(Exception why) {
    trees.requestFailed(Failure.of(why));
  }

  ClientLog clientLog() {
    return clientLog;
  }

  PreDumps preDumps() {
    return preDumps;
  }

  Dumps dumps() {
    return dumps;
  }

  /** {@return the real criu} */
  synchronized CriuProgram criu() throws IOException {
    CriuProgram known = found;
    if (known == null) {
      known = CriuProgram.find(named);
      found = known;
    }
    return known;
  }

  @Override
  public void close() {
    trees.close();
  }
}
