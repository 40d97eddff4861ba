package io.predump.engine;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The pages of one job, read: page {@code k} lies at byte {@code k * 4096} of {@link #bytes}, if
 * its status is {@link #READ}. Reused from job to job by one worker.
 */
final class PageBatch {
  /** The page was read. */
  static final byte READ = 0;

  /** The page could not be read though something is there: it stays owed. */
  static final byte LOST = 1;

  /** Nothing of the process's is there any more: dropped, or beyond the end of its file. */
  static final byte VACANT = 2;

  private static final byte[] ZERO_PAGE = new byte[PageTable.PAGE_BYTES];

  final long[] addresses;
  final byte[] kinds;
  final byte[] status;
  ByteBuffer bytes = ByteBuffer.allocate(0);
  int count;

  PageBatch(int mostPages) {
    addresses = new long[mostPages];
    kinds = new byte[mostPages];
    status = new byte[mostPages];
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
        status[count++] = READ;
        address += PageTable.PAGE_BYTES;
      }
    }
  }

  /**
   * {@return whether page {@code i} is all zero}
   *
   * @param copy room for a page; afterwards the page, unless it begins with anything but zero
   */
  boolean isZero(int i, byte[] copy) {
    int offset = i << PageTable.PAGE_SHIFT;
    if (bytes.getLong(offset) != 0) {
      return false;
    }
    bytes.get(offset, copy);
    return Arrays.equals(copy, ZERO_PAGE);
  }
}
