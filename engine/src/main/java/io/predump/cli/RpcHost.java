package io.predump.cli;

import io.predump.daemon.AccessRules;
import io.predump.daemon.SessionLimits;
import io.predump.daemon.Sessions;
import io.predump.daemon.rpc.ImageForm;
import io.predump.daemon.rpc.RpcService;
import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Sessions for CRIU's RPC alone, in this process. */
record RpcHost(Sessions sessions, RpcService service) implements AutoCloseable {
  /** Sessions that may copy at a time. */
  private static final int COPIES = 4;

  /**
   * Begins.
   *
   * @param chains for their rounds; those of before go
   * @param criu the real one, if it was named
   * @param form of what clients find in their directories
   */
  static RpcHost begin(SessionLimits limits, Path chains, Optional<Path> criu, ImageForm form)
      throws IOException {
    SessionOptions options = SessionOptions.defaults(Main.version());
    Sessions sessions =
        new Sessions(
            limits,
            new CopyBudget(COPIES, options.threads(), CopyLimits.NONE),
            new AccessRules(),
            List.of());
    try {
      return new RpcHost(sessions, RpcService.begin(sessions, options, chains, criu, form));
    } catch (IOException | RuntimeException e) {
      sessions.close();
      throw e;
    }
  }

  /** Lets go of every target. */
  @Override
  public void close() {
    sessions.close();
    service.close();
  }
}
