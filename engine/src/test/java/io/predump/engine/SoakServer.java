package io.predump.engine;

import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;

/** A server on a port of the loopback device, killed with everything below it when closed. */
final class SoakServer implements AutoCloseable {
  private static final int KILL = 9;

  private final LiveTarget live;

  private SoakServer(LiveTarget live) {
    this.live = live;
  }

  /**
   * Starts a server and waits until it answers.
   *
   * @param answers asks it something; an exception means not yet
   */
  static SoakServer start(List<String> command, Targets.Condition answers) throws IOException {
    SoakServer server = new SoakServer(LiveTarget.start(command));
    try {
      Targets.await(command.get(0) + " answers", () -> server.answers(command, answers));
      return server;
    } catch (IOException | AssertionError e) {
      server.close();
      throw e;
    }
  }

  private boolean answers(List<String> command, Targets.Condition condition) {
    if (!live.isAlive()) {
      throw new AssertionError(command + " has ended at once");
    }
    try {
      return condition.holds();
    } catch (IOException e) {
      return false;
    }
  }

  /** {@return a port nobody listens at now} */
  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  Pid pid() {
    return live.pid();
  }

  /** Fails if it has ended. */
  void requireAlive() {
    if (!live.isAlive()) {
      throw new AssertionError("the server with pid=" + live.pid().number() + " has ended");
    }
  }

  @Override
  public void close() throws IOException {
    List<Pid> tree = ProcessTree.descendants(live.pid());
    live.close();
    for (Pid pid : tree) {
      LibC.kill(pid.number(), KILL);
    }
  }
}
