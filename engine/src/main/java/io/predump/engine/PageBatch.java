package io.predump.engine;

import java.nio.ByteBuffer;

/**
 * The pages of one job, read: page {@code k} lies at byte {@code k * 4096} of {@link #bytes},
 * unless it is lost (unmapped or unreadable meanwhile), which leaves it owed. Reused from job to
 * job by one worker.
 */
final class PageBatch {
  final long[] addresses;
  final byte[] kinds;
  final boolean[] lost;
  ByteBuffer bytes = ByteBuffer.allocate(0);
  int count;

  PageBatch(int mostPages) {
    addresses = new long[mostPages];
    kinds = new byte[mostPages];
    lost = new boolean[mostPages];
  }

  /** Notes which pages the job has; {@code data} holds or will hold their bytes. */
  void begin(RunList.Jobs jobs, int job, ByteBuffer data) {
    bytes = data;
    count = 0;
    for (int piece = jobs.firstPiece(job); piece < jobs.endPiece(job); piece++) {
      long address = jobs.start(piece);
      for (int n = jobs.pageCount(piece); n > 0; n--) {
        addresses[count] = address;
        kinds[count] = jobs.kind(piece);
        lost[count++] = false;
        address += PageTable.PAGE_BYTES;
      }
    }
  }
}
