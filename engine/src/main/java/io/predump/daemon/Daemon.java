package io.predump.daemon;

import io.predump.engine.CopyBudget;
import io.predump.engine.SessionOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All of a daemon: sessions, socket, state, metrics. Closing it stops it in good order. */
public final class Daemon implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Daemon.class);

  private final ServiceManager manager;
  private final Optional<StateDirectory> state;
  private final Sessions sessions;
  private final @Nullable MetricsServer metrics;
  private final ControlServer server;

  private Daemon(
      ServiceManager manager,
      Optional<StateDirectory> state,
      Sessions sessions,
      @Nullable MetricsServer metrics,
      ControlServer server) {
    this.manager = manager;
    this.state = state;
    this.sessions = sessions;
    this.metrics = metrics;
    this.server = server;
  }

  /**
   * Starts: recovers what a killed one has left, listens, and tells the service manager.
   *
   * @throws DaemonException if another one has the socket or the state directory, or an option
   *     makes no sense
   * @throws IOException if the socket cannot be made
   */
  public static Daemon start(DaemonOptions options) throws IOException {
    return start(options, ServiceManager.ofEnvironment());
  }

  static Daemon start(DaemonOptions options, ServiceManager manager) throws IOException {
    Optional<StateDirectory> state =
        options.stateDir().isPresent()
            ? Optional.of(StateDirectory.open(options.stateDir().get()))
            : Optional.empty();
    List<AutoCloseable> made = new ArrayList<>();
    state.ifPresent(made::add);
    try {
      if (state.isPresent()) {
        state.get().recover().forEach(Daemon::tell);
      }
      Metrics counts = new Metrics();
      List<SessionObserver> observers = new ArrayList<>();
      observers.add(counts);
      observers.add(new SessionLog());
      observers.add(new FlightRecorder());
      state.ifPresent(observers::add);
      SessionOptions defaults =
          SessionOptions.defaults(options.engineVersion()).withThreads(options.threads());
      int copies =
          CopyBudget.copiesWithin(
              options.memoryBytes(), options.threads(), defaults.freezeBufferBytes());
      Sessions sessions =
          new Sessions(
              options.sessions(),
              new CopyBudget(copies, options.threads(), options.total()),
              new AccessRules(),
              observers);
      made.add(sessions);
      MetricsServer scraped =
          options.metrics().isPresent()
              ? MetricsServer.open(options.metrics().get(), counts)
              : null;
      if (scraped != null) {
        made.add(scraped);
      }
      ControlServer server =
          ControlServer.open(options.socket(), sessions, defaults, options.server());
      LOG.info(
          "event=started socket={} copies={} threads={}",
          Quoted.of(options.socket().toString()),
          copies,
          options.threads());
      manager.ready();
      return new Daemon(manager, state, sessions, scraped, server);
    } catch (IOException | RuntimeException e) {
      for (AutoCloseable part : made) {
        closeQuietly(part);
      }
      throw e;
    }
  }

  private static void tell(StateDirectory.Lost lost) {
    LOG.warn(
        "event=lost pid={} images={} attachable={} swept={}",
        lost.pid(),
        Quoted.of(lost.imagesDir().toString()),
        lost.alive(),
        lost.swept().size());
  }

  private static void closeQuietly(AutoCloseable part) {
    try {
      part.close();
    } catch (Exception e) {
      LOG.warn("event=close-failed reason={}", Quoted.of(Failure.of(e).message()));
    }
  }

  /** {@return the sessions} */
  public Sessions sessions() {
    return sessions;
  }

  /** {@return the port of the metrics, if there are any} */
  public OptionalInt metricsPort() {
    MetricsServer scraped = metrics;
    return scraped == null ? OptionalInt.empty() : OptionalInt.of(scraped.port());
  }

  /** Drops rounds under way, lets go of every target, ends connections and removes the socket. */
  @Override
  public void close() {
    manager.stopping();
    sessions.close();
    server.close();
    MetricsServer scraped = metrics;
    if (scraped != null) {
      scraped.close();
    }
    state.ifPresent(StateDirectory::close);
    LOG.info("event=stopped");
  }
}
