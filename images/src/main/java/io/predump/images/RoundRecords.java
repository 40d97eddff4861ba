package io.predump.images;

import io.predump.proto.RoundFigures;

/** {@link RoundRecord} as the message of {@code round.proto}, in a manifest and on the wire. */
public final class RoundRecords {
  private RoundRecords() {}

  /** Returns the record as a message. */
  public static RoundFigures message(RoundRecord r) {
    return RoundFigures.newBuilder()
        .setRound(r.round())
        .setScanMicros(r.scanMicros())
        .setArmMicros(r.armMicros())
        .setReadMicros(r.readMicros())
        .setCompressMicros(r.compressMicros())
        .setWriteMicros(r.writeMicros())
        .setSyncMicros(r.syncMicros())
        .setFrozenMicros(r.frozenMicros())
        .setTotalMicros(r.totalMicros())
        .setVmasTotal(r.vmas().total())
        .setVmasNew(r.vmas().newCount())
        .setVmasGone(r.vmas().gone())
        .setVmasSkipped(r.vmas().skipped())
        .setPagesScanned(r.pages().scanned())
        .setPagesWritten(r.pages().written())
        .setPagesZero(r.pages().zero())
        .setPagesSame(r.pages().same())
        .setPagesDeferred(r.pages().deferred())
        .setPagesOwed(r.pages().owed())
        .setPagesStored(r.pages().stored())
        .setPagesParent(r.pages().parent())
        .setBytesRead(r.bytes().read())
        .setBytesStored(r.bytes().stored())
        .setDirtyBytesPerSecond(r.dirtyRate().bytesPerSecond())
        .setDirtyWindowMillis(r.dirtyRate().windowMillis())
        .setPredictedDowntimeMicros(r.predictedDowntimeMicros())
        .setFloorMicros(r.floorMicros())
        .setStopReason(r.stopReason())
        .build();
  }

  /** Returns the record that a message holds; nothing in it is checked. */
  public static RoundRecord record(RoundFigures r) {
    return new RoundRecord(
        r.getRound(),
        r.getScanMicros(),
        r.getArmMicros(),
        r.getReadMicros(),
        r.getCompressMicros(),
        r.getWriteMicros(),
        r.getSyncMicros(),
        r.getFrozenMicros(),
        r.getTotalMicros(),
        new RoundRecord.VmaCounts(
            r.getVmasTotal(), r.getVmasNew(), r.getVmasGone(), r.getVmasSkipped()),
        new RoundRecord.PageCounts(
            r.getPagesScanned(),
            r.getPagesWritten(),
            r.getPagesZero(),
            r.getPagesSame(),
            r.getPagesDeferred(),
            r.getPagesOwed(),
            r.getPagesStored(),
            r.getPagesParent()),
        new RoundRecord.ByteCounts(r.getBytesRead(), r.getBytesStored()),
        new RoundRecord.DirtyRate(r.getDirtyBytesPerSecond(), r.getDirtyWindowMillis()),
        r.getPredictedDowntimeMicros(),
        r.getFloorMicros(),
        r.getStopReason());
  }
}
