package io.predump.daemon;

import io.predump.criu.AfterDump;
import io.predump.criu.CriuMode;
import io.predump.criu.DumpOptions;
import io.predump.engine.CopyLimits;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import io.predump.engine.SessionOptions;
import io.predump.engine.TrackerChoice;
import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.images.RoundRecords;
import io.predump.linux.Pid;
import io.predump.proto.control.AttachCall;
import io.predump.proto.control.CopyOptions;
import io.predump.proto.control.FailureCode;
import io.predump.proto.control.FinalKind;
import io.predump.proto.control.FinishCall;
import io.predump.proto.control.Problem;
import io.predump.proto.control.RoundCall;
import io.predump.proto.control.Session;
import io.predump.proto.control.TreeFate;
import io.predump.proto.control.VerifyReport;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Requests and sessions as messages, and back. What a message holds is checked by the records it
 * becomes; their IllegalArgumentException is the request's fault.
 */
final class WireSessions {
  /** A hundred years. */
  private static final long LONGEST_MICROS = 100L * 365 * 24 * 3600 * 1_000_000;

  /** A client that goes away does not end its rounds. */
  private static final int MOST_ROUNDS = 1000;

  private WireSessions() {}

  static AttachCall of(AttachRequest r) {
    AttachCall.Builder call =
        AttachCall.newBuilder()
            .setPid(r.target().number())
            .setImagesDir(r.imagesDir().toString())
            .setOptions(of(r.options()));
    r.name().ifPresent(call::setName);
    r.rpo().ifPresent(time -> call.setRpoMicros(micros(time)));
    r.detachAfter().ifPresent(time -> call.setDetachAfterMicros(micros(time)));
    r.idleTimeout().ifPresent(time -> call.setIdleTimeoutMicros(micros(time)));
    return call.build();
  }

  static AttachRequest request(AttachCall call, SessionOptions defaults) {
    return new AttachRequest(
        new Pid(call.getPid()),
        Path.of(call.getImagesDir()).normalize(),
        options(call.getOptions(), defaults),
        call.hasName() ? Optional.of(call.getName()) : Optional.empty(),
        time(call.hasRpoMicros(), call.getRpoMicros()),
        time(call.hasDetachAfterMicros(), call.getDetachAfterMicros()),
        time(call.hasIdleTimeoutMicros(), call.getIdleTimeoutMicros()));
  }

  private static CopyOptions of(SessionOptions o) {
    CopyOptions.Builder options =
        CopyOptions.newBuilder()
            .setLevel(o.level() == SessionOptions.AUTO_LEVEL ? 0 : o.level())
            .setThreads(o.threads())
            .setTracker(o.tracker().label())
            .setSingle(o.single())
            .setAllowDeviceWriters(o.allowDeviceWriters())
            .setRestoreThp(o.restoreThp())
            .setPaced(o.limits().paced());
    o.freezeCgroup().ifPresent(path -> options.setFreezeCgroup(path.toString()));
    o.limits().bytesPerSecond().ifPresent(options::setBytesPerSecond);
    o.limits().cpuPercent().ifPresent(options::setCpuPercent);
    return options.build();
  }

  static SessionOptions options(CopyOptions o, SessionOptions defaults) {
    SessionOptions options =
        defaults
            .withSingle(o.getSingle())
            .withAllowDeviceWriters(o.getAllowDeviceWriters())
            .withRestoreThp(o.getRestoreThp());
    if (o.hasLevel()) {
      options = options.withLevel(o.getLevel() == 0 ? SessionOptions.AUTO_LEVEL : o.getLevel());
    }
    if (o.hasThreads()) {
      options = options.withThreads(o.getThreads());
    }
    if (o.hasTracker()) {
      options = options.withTracker(tracker(o.getTracker()));
    }
    if (o.hasFreezeCgroup()) {
      options = options.withFreezeCgroup(Path.of(o.getFreezeCgroup()));
    }
    CopyLimits limits = CopyLimits.NONE.withPaced(o.getPaced());
    if (o.hasBytesPerSecond()) {
      limits = limits.withBytesPerSecond(o.getBytesPerSecond());
    }
    return options.withLimits(
        o.hasCpuPercent() ? limits.withCpuPercent(o.getCpuPercent()) : limits);
  }

  private static TrackerChoice tracker(String label) {
    return Arrays.stream(TrackerChoice.values())
        .filter(choice -> choice.label().equals(label))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no such tracker"));
  }

  static RoundCall call(String session, LoopOptions o) {
    RoundCall.Builder call =
        RoundCall.newBuilder()
            .setSession(session)
            .setRounds(o.rounds())
            .setDowntimeLimitMicros(micros(o.downtimeLimit()));
    o.deadline().ifPresent(time -> call.setDeadlineMicros(micros(time)));
    o.byteBudget().ifPresent(call::setByteBudget);
    return call.build();
  }

  static LoopOptions options(RoundCall call) {
    if (call.getRounds() < 1 || call.getRounds() > MOST_ROUNDS) {
      throw new IllegalArgumentException(
          "rounds: 1 to " + MOST_ROUNDS + " in a request; with an rpo a session goes on by itself");
    }
    LoopOptions options =
        new LoopOptions(
            call.getRounds(),
            time(true, call.getDowntimeLimitMicros()).orElse(Duration.ZERO),
            time(call.hasDeadlineMicros(), call.getDeadlineMicros()),
            FinalMode.NONE,
            false);
    return call.hasByteBudget() ? options.withByteBudget(call.getByteBudget()) : options;
  }

  static FinishCall call(String session, FinishRequest r) {
    FinishCall.Builder call =
        FinishCall.newBuilder()
            .setSession(session)
            .setFinal(FinalKind.valueOf(r.mode().name()))
            .setVerify(r.verify())
            .setCriuMode(r.dump().mode().name().toLowerCase(Locale.ROOT))
            .setFate(TreeFate.valueOf(r.dump().afterDump().name()))
            .addAllCriuArguments(r.dump().extraArguments());
    r.criu().ifPresent(path -> call.setCriu(path.toString()));
    return call.build();
  }

  /**
   * @param freezeCgroup by which the session freezes
   */
  static FinishRequest request(FinishCall call, Optional<Path> freezeCgroup)
      throws DaemonException {
    String mode = call.hasCriuMode() ? call.getCriuMode().toUpperCase(Locale.ROOT) : "AUTO";
    return new FinishRequest(
        FinalMode.valueOf(call.getFinal().name()),
        call.getVerify(),
        call.hasCriu() ? Optional.of(Path.of(call.getCriu())) : Optional.empty(),
        new DumpOptions(
            WireRounds.constant(CriuMode.values(), mode),
            AfterDump.valueOf(call.getFate().name()),
            freezeCgroup,
            call.getCriuArgumentsList()));
  }

  static Session of(SessionStatus s) {
    Session.Builder session =
        Session.newBuilder()
            .setId(s.id())
            .setPid(s.pid().number())
            .setProcessName(s.processName())
            .setUid(s.uid())
            .setImagesDir(s.imagesDir().toString())
            .setState(s.state().name())
            .setTracker(s.tracker())
            .setRounds(s.rounds())
            .setStoppedMicros(s.stoppedMicros())
            .setAttachedUnixMillis(s.attachedUnixMillis())
            .setIdleMillis(s.idleMillis())
            .addAllWarnings(s.warnings())
            .addAllNotVerified(s.notVerified());
    s.name().ifPresent(session::setName);
    s.last().ifPresent(last -> session.setLast(RoundRecords.message(last)));
    s.rpoMicros().ifPresent(session::setRpoMicros);
    s.oldestMicros().ifPresent(session::setOldestMicros);
    s.ended().ifPresent(how -> session.setEnded(how.name()));
    s.failure().ifPresent(session::setFailure);
    return session.build();
  }

  static SessionStatus status(Session s) throws DaemonException {
    Optional<RoundRecord> last =
        s.hasLast() ? Optional.of(RoundRecords.record(s.getLast())) : Optional.empty();
    return new SessionStatus(
        s.getId(),
        s.hasName() ? Optional.of(s.getName()) : Optional.empty(),
        new Pid(s.getPid()),
        s.getProcessName(),
        s.getUid(),
        Path.of(s.getImagesDir()),
        WireRounds.constant(SessionState.values(), s.getState()),
        s.getTracker(),
        s.getRounds(),
        last,
        s.getStoppedMicros(),
        s.getAttachedUnixMillis(),
        s.getIdleMillis(),
        WireRounds.number(s.hasRpoMicros(), s.getRpoMicros()),
        WireRounds.number(s.hasOldestMicros(), s.getOldestMicros()),
        s.getWarningsList(),
        s.getNotVerifiedList(),
        s.hasEnded() ? Optional.of(WireRounds.stopReason(s.getEnded())) : Optional.empty(),
        s.hasFailure() ? Optional.of(s.getFailure()) : Optional.empty());
  }

  static io.predump.proto.control.Failure of(Failure failure) {
    return io.predump.proto.control.Failure.newBuilder()
        .setCode(FailureCode.forNumber(failure.code().exitCode()))
        .setMessage(failure.message())
        .build();
  }

  static DaemonException exception(io.predump.proto.control.Failure failure)
      throws DaemonException {
    return new DaemonException(
        WireRounds.constant(ErrorCode.values(), failure.getCode().name()), failure.getMessage());
  }

  static VerifyReport of(ChainVerifier.Report r, Path imagesDir) {
    return VerifyReport.newBuilder()
        .setImagesDir(imagesDir.toString())
        .setRounds(r.rounds())
        .setFiles(r.files())
        .setFrames(r.frames())
        .setPages(r.pages())
        .setBytes(r.bytes())
        .addAllProblems(r.problems().stream().map(WireSessions::of).toList())
        .addAllWarnings(r.warnings().stream().map(WireSessions::of).toList())
        .build();
  }

  private static Problem of(ChainVerifier.Problem p) {
    return Problem.newBuilder()
        .setFile(p.file())
        .setOffset(p.offset())
        .setMessage(p.message())
        .build();
  }

  static ChainVerifier.Report report(VerifyReport r) {
    return new ChainVerifier.Report(
        problems(r.getProblemsList()),
        problems(r.getWarningsList()),
        Math.toIntExact(r.getRounds()),
        r.getFiles(),
        r.getFrames(),
        r.getPages(),
        r.getBytes());
  }

  private static List<ChainVerifier.Problem> problems(List<Problem> problems) {
    return problems.stream()
        .map(p -> new ChainVerifier.Problem(p.getFile(), p.getOffset(), p.getMessage()))
        .toList();
  }

  private static long micros(Duration time) {
    return time.toNanos() / 1000;
  }

  /** Times come from strangers: what nobody could wait for is as long as can be said. */
  static Optional<Duration> time(boolean there, long micros) {
    if (!there) {
      return Optional.empty();
    }
    boolean tooLong = micros < 0 || micros > LONGEST_MICROS;
    return Optional.of(Duration.ofNanos(1000 * (tooLong ? LONGEST_MICROS : micros)));
  }
}
