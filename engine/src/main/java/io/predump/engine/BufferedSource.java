package io.predump.engine;

import io.predump.linux.NativeBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Pages read under the freeze, waiting in memory to be compressed after the thaw: jobs {@code
 * [firstJob, endJob)} one after the other.
 */
final class BufferedSource implements PageSource {
  private final NativeBuffer buffer;
  private final int firstJob;
  private final long[] offsets;
  private final boolean[][] lost;

  private BufferedSource(NativeBuffer buffer, int firstJob, long[] offsets, boolean[][] lost) {
    this.buffer = buffer;
    this.firstJob = firstJob;
    this.offsets = offsets;
    this.lost = lost;
  }

  /**
   * Reads jobs from {@code firstJob} to the last into the buffer, which must be large enough.
   *
   * @param buffer borrowed until the source is no longer used
   */
  static BufferedSource fill(
      RunList.Jobs jobs, int firstJob, LiveSource.Core reader, NativeBuffer buffer)
      throws IOException {
    int count = jobs.count() - firstJob;
    long[] offsets = new long[count + 1];
    boolean[][] lost = new boolean[count][];
    for (int i = 0; i < count; i++) {
      int pages = jobs.pages(firstJob + i);
      lost[i] = new boolean[pages];
      reader.read(jobs, firstJob + i, buffer.address() + offsets[i], lost[i]);
      offsets[i + 1] = offsets[i] + ((long) pages << PageTable.PAGE_SHIFT);
    }
    return new BufferedSource(buffer, firstJob, offsets, lost);
  }

  /** {@return how many pages could not be read} */
  long lostPages() {
    long n = 0;
    for (boolean[] job : lost) {
      for (boolean page : job) {
        if (page) {
          n++;
        }
      }
    }
    return n;
  }

  @Override
  public Reader reader() {
    ByteBuffer bytes = buffer.bytes();
    return new Reader() {
      @Override
      public void load(RunList.Jobs jobs, int job, PageBatch batch) {
        int i = job - firstJob;
        int offset = (int) offsets[i];
        batch.begin(jobs, job, bytes.slice(offset, (int) (offsets[i + 1] - offset)));
        System.arraycopy(lost[i], 0, batch.lost, 0, batch.count);
      }

      @Override
      public void close() {
        // the buffer is borrowed
      }
    };
  }
}
