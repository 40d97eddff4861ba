package io.predump.daemon.rpc;

import io.predump.criu.RpcTypes;
import io.predump.daemon.AccessRules;
import io.predump.daemon.SessionLimits;
import io.predump.daemon.Sessions;
import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.function.UnaryOperator;

/** CRIU's RPC, served in this JVM, and simple requests to it; images go below a directory. */
final class ServedHere implements AutoCloseable {
  private final Path directory;
  private final Sessions sessions;
  private final RpcService service;
  private final CriuRpcServer server;

  private ServedHere(Path directory, Sessions sessions, RpcService service, CriuRpcServer server) {
    this.directory = directory;
    this.sessions = sessions;
    this.service = service;
    this.server = server;
  }

  static ServedHere start(Path directory, Path criu) throws IOException {
    return start(directory, criu, Thread::new);
  }

  static ServedHere start(Path directory, Path criu, ThreadFactory threads) throws IOException {
    return start(directory, criu, threads, ImageForm.RAW);
  }

  static ServedHere start(Path directory, Path criu, ImageForm form) throws IOException {
    return start(directory, criu, Thread::new, form);
  }

  private static ServedHere start(Path directory, Path criu, ThreadFactory threads, ImageForm form)
      throws IOException {
    Sessions sessions =
        new Sessions(
            SessionLimits.DEFAULT,
            new CopyBudget(2, 1, CopyLimits.NONE),
            new AccessRules(),
            List.of());
    RpcService service =
        RpcService.begin(
            sessions,
            SessionOptions.defaults("test").withThreads(1),
            directory.resolve("chains"),
            Optional.of(criu),
            form);
    Path socket = directory.resolve("criu.sock");
    return new ServedHere(
        directory, sessions, service, CriuRpcServer.start(service, socket, threads));
  }

  Path socket() {
    return directory.resolve("criu.sock");
  }

  Path chains() {
    return directory.resolve("chains");
  }

  Sessions sessions() {
    return sessions;
  }

  RpcRequests connect() throws IOException {
    return RpcRequests.connect(socket());
  }

  /** A pre-dump into the directory of that name; without a parent if that is empty. */
  CriuResponse preDump(Pid target, String name, String parent) throws IOException {
    return ask(
        RpcTypes.SINGLE_PRE_DUMP,
        target,
        name,
        options -> parent.isEmpty() ? options : options.setParentImg(parent));
  }

  /** A dump on a parent. */
  CriuResponse dump(Pid target, String name, String parent, boolean leaveRunning)
      throws IOException {
    return ask(
        RpcTypes.DUMP,
        target,
        name,
        options -> options.setParentImg(parent).setTrackMem(true).setLeaveRunning(leaveRunning));
  }

  CriuResponse ask(int type, Pid target, String name, UnaryOperator<CriuOptions.Builder> more)
      throws IOException {
    try (RpcRequests client = connect()) {
      return client.ask(client.about(type, target, directory.resolve(name), more));
    }
  }

  @Override
  public void close() {
    server.close();
    sessions.close();
    service.close();
  }
}
