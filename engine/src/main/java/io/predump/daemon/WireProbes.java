package io.predump.daemon;

import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import io.predump.engine.ProbeOptions;
import io.predump.engine.ProbeResult;
import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import io.predump.proto.control.Outlook;
import io.predump.proto.control.ProbeCall;
import io.predump.proto.control.ProbeReport;
import io.predump.proto.control.Window;
import java.time.Duration;
import java.util.Optional;

/** Probes as messages. */
final class WireProbes {
  /** A client that goes away does not end its probe. */
  private static final Duration LONGEST = Duration.ofMinutes(1);

  private WireProbes() {}

  /**
   * A probe that is asked for.
   *
   * @param target the process
   * @param session how it would be copied
   * @param probing what to watch
   */
  record Probing(Pid target, SessionOptions session, ProbeOptions probing) {}

  /** What a probe saw, and by which tracker. */
  record Seen(String tracker, ProbeResult result) {}

  static Probing probing(ProbeCall call, SessionOptions defaults) {
    Duration limit =
        WireSessions.time(call.hasDowntimeLimitMicros(), call.getDowntimeLimitMicros())
            .orElse(LoopOptions.DEFAULT.downtimeLimit());
    LoopOptions run =
        new LoopOptions(call.getRounds(), limit, Optional.empty(), FinalMode.FREEZE, false);
    Duration duration =
        WireSessions.time(call.hasDurationMicros(), call.getDurationMicros())
            .orElse(ProbeOptions.SHORT);
    if (duration.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException("duration: at most a minute in a request");
    }
    return new Probing(
        new Pid(call.getPid()),
        WireSessions.options(call.getOptions(), defaults),
        new ProbeOptions(
            duration, run, WireRounds.number(call.hasThroughput(), call.getThroughput())));
  }

  static ProbeReport of(Seen seen) {
    ProbeResult r = seen.result();
    ProbeReport.Builder report =
        ProbeReport.newBuilder()
            .setTracker(seen.tracker())
            .setMemoryBytes(r.memoryBytes())
            .setComparedBytes(r.comparedBytes())
            .addAllWarnings(r.warnings())
            .setStoppedMicros(r.stoppedMicros())
            .setFrozenMicros(r.frozenMicros());
    r.windows()
        .forEach(
            w ->
                report.addWindows(
                    Window.newBuilder()
                        .setWindowMillis(Math.round(w.seconds() * 1000))
                        .setWrittenBytes(w.writtenBytes())));
    r.outlook().ifPresent(outlook -> report.setOutlook(of(outlook)));
    r.ended().ifPresent(how -> report.setEnded(how.name()));
    return report.build();
  }

  private static Outlook of(ProbeResult.Outlook o) {
    Outlook.Builder outlook =
        Outlook.newBuilder()
            .setThroughput(o.throughputBytesPerSecond())
            .setThroughputAssumed(o.throughputAssumed())
            .setRounds(o.rounds())
            .setReadBytes(o.readBytes())
            .setLaterBytes(o.laterBytes())
            .setFreezeBytes(o.freezeBytes())
            .setFreezeMicros(o.freezeMicros())
            .setFloorBytes(o.floorBytes())
            .setFloorMicros(o.floorMicros())
            .setLimitMicros(o.limitMicros());
    o.stopReason().ifPresent(reason -> outlook.setStopReason(reason.name()));
    return outlook.build();
  }
}
