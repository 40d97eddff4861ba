package io.predump.cli;

import io.predump.daemon.Sessions;
import io.predump.daemon.rpc.CriuRpcServer;
import io.predump.daemon.rpc.ImageForm;
import io.predump.daemon.rpc.RpcService;
import io.predump.engine.SessionOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A socket on which CRIU's RPC is served from sessions that others use too; or none.
 *
 * @param path where
 * @param parts what serves it, to be closed in that order
 */
record RpcSocket(Optional<Path> path, Optional<Parts> parts) implements AutoCloseable {
  /** Nothing is served. */
  static final RpcSocket NONE = new RpcSocket(Optional.empty(), Optional.empty());

  private record Parts(CriuRpcServer server, RpcService service) {}

  /**
   * Begins to serve.
   *
   * @param sessions borrowed
   * @param stateDir where a directory {@value RpcService#CHAINS} is made for the rounds
   * @param criu the real one, if it was named
   * @param form of what clients find in their directories
   */
  static RpcSocket open(
      Path path, Sessions sessions, int threads, Path stateDir, Optional<Path> criu, ImageForm form)
      throws IOException {
    SessionOptions options = SessionOptions.defaults(Main.version()).withThreads(threads);
    RpcService service =
        RpcService.begin(sessions, options, stateDir.resolve(RpcService.CHAINS), criu, form);
    try {
      Parts parts = new Parts(CriuRpcServer.start(service, path), service);
      return new RpcSocket(Optional.of(path), Optional.of(parts));
    } catch (IOException | RuntimeException e) {
      service.close();
      throw e;
    }
  }

  void tell(PrintStream out) {
    path.ifPresent(p -> out.println("predump: serving CRIU's RPC on " + p));
  }

  @Override
  public void close() {
    parts.ifPresent(
        p -> {
          p.server().close();
          p.service().close();
        });
  }
}
