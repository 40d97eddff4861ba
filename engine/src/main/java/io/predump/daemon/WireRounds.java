package io.predump.daemon;

import io.predump.engine.FreezeRecord;
import io.predump.engine.RunBounds;
import io.predump.engine.RunResult;
import io.predump.engine.StopReason;
import io.predump.engine.VerifyResult;
import io.predump.images.RoundRecords;
import io.predump.proto.control.Bounds;
import io.predump.proto.control.Comparison;
import io.predump.proto.control.Difference;
import io.predump.proto.control.FreezeReport;
import io.predump.proto.control.RunReport;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** Rounds, freezes and runs as messages, and back. */
final class WireRounds {
  private WireRounds() {}

  static FreezeReport of(FreezeRecord f) {
    return FreezeReport.newBuilder()
        .setMethod(f.method())
        .setThreadCount(f.threadCount())
        .setStopMicros(f.stopMicros())
        .setScanMicros(f.scanMicros())
        .setReadMicros(f.readMicros())
        .setCheckMicros(f.checkMicros())
        .setFrozenMicros(f.frozenMicros())
        .setPageCount(f.pageCount())
        .setReadBytes(f.readBytes())
        .setWrittenFrozenBytes(f.writtenFrozenBytes())
        .build();
  }

  static FreezeRecord record(FreezeReport f) {
    return new FreezeRecord(
        f.getMethod(),
        f.getThreadCount(),
        f.getStopMicros(),
        f.getScanMicros(),
        f.getReadMicros(),
        f.getCheckMicros(),
        f.getFrozenMicros(),
        f.getPageCount(),
        f.getReadBytes(),
        f.getWrittenFrozenBytes());
  }

  private static Comparison of(VerifyResult v) {
    Comparison.Builder c =
        Comparison.newBuilder()
            .setCompared(v.compared())
            .setEqual(v.equal())
            .setDifferent(v.different())
            .setVerifyFrozenMicros(v.verifyFrozenMicros());
    for (VerifyResult.Difference d : v.firstDifferences()) {
      c.addFirstDifferences(
          Difference.newBuilder()
              .setAddress(d.address())
              .setVma(d.vma())
              .setRound(d.round())
              .setKind(d.kind().name()));
    }
    return c.build();
  }

  private static VerifyResult result(Comparison c) throws DaemonException {
    List<VerifyResult.Difference> differences = new ArrayList<>();
    for (Difference d : c.getFirstDifferencesList()) {
      differences.add(
          new VerifyResult.Difference(
              d.getAddress(),
              d.getVma(),
              d.getRound(),
              constant(VerifyResult.Kind.values(), d.getKind())));
    }
    return new VerifyResult(
        c.getCompared(), c.getEqual(), c.getDifferent(), differences, c.getVerifyFrozenMicros());
  }

  static RunReport of(RunResult r, String imagesDir, String tracker) {
    RunReport.Builder report =
        RunReport.newBuilder()
            .setImagesDir(imagesDir)
            .setTracker(tracker)
            .setStopReason(r.stopReason().name())
            .addAllWarnings(r.warnings())
            .addAllNotVerified(r.notVerified())
            .setStoppedMicros(r.stoppedMicros())
            .setBounds(of(r.bounds()));
    r.rounds().forEach(round -> report.addRounds(RoundRecords.message(round)));
    r.freeze().ifPresent(freeze -> report.setFreeze(of(freeze)));
    r.verify().ifPresent(verify -> report.setVerify(of(verify)));
    return report.build();
  }

  static RunResult result(RunReport r) throws DaemonException {
    return new RunResult(
        r.getRoundsList().stream().map(RoundRecords::record).toList(),
        stopReason(r.getStopReason()),
        r.hasFreeze() ? Optional.of(record(r.getFreeze())) : Optional.empty(),
        r.hasVerify() ? Optional.of(result(r.getVerify())) : Optional.empty(),
        r.getWarningsList(),
        r.getNotVerifiedList(),
        r.getStoppedMicros(),
        r.hasBounds() ? bounds(r.getBounds()) : RunBounds.NONE);
  }

  private static Bounds of(RunBounds b) {
    Bounds.Builder bounds =
        Bounds.newBuilder().setPaced(b.paced()).setWaitedMicros(b.waitedMicros());
    b.byteBudget().ifPresent(bounds::setByteBudget);
    b.bytesPerSecond().ifPresent(bounds::setBytesPerSecond);
    b.cpuPercent().ifPresent(bounds::setCpuPercent);
    b.rpoMicros().ifPresent(bounds::setRpoMicros);
    b.oldestMicros().ifPresent(bounds::setOldestMicros);
    return bounds.build();
  }

  private static RunBounds bounds(Bounds b) {
    return new RunBounds(
        number(b.hasByteBudget(), b.getByteBudget()),
        number(b.hasBytesPerSecond(), b.getBytesPerSecond()),
        b.hasCpuPercent() ? OptionalInt.of(b.getCpuPercent()) : OptionalInt.empty(),
        b.getPaced(),
        b.getWaitedMicros(),
        number(b.hasRpoMicros(), b.getRpoMicros()),
        number(b.hasOldestMicros(), b.getOldestMicros()));
  }

  static OptionalLong number(boolean there, long value) {
    return there ? OptionalLong.of(value) : OptionalLong.empty();
  }

  static StopReason stopReason(String name) throws DaemonException {
    return constant(StopReason.values(), name);
  }

  /** {@return the constant of that name: the other side may be newer than this one} */
  static <E extends Enum<E>> E constant(E[] values, String name) throws DaemonException {
    return Arrays.stream(values)
        .filter(value -> value.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new DaemonException(
                    ErrorCode.FAILURE, "the other side says what this one does not know: " + name));
  }
}
