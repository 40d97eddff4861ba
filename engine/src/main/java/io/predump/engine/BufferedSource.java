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
  private final byte[][] status;

  private BufferedSource(NativeBuffer buffer, int firstJob, long[] offsets, byte[][] status) {
    this.buffer = buffer;
    this.firstJob = firstJob;
    this.offsets = offsets;
    this.status = status;
  }

  /**
   * Reads jobs from {@code firstJob} to the last into the buffer, which must be large enough.
   *
   * @param buffer borrowed until the source is no longer used
   * @param offset where in the buffer to begin, bytes
   */
  static BufferedSource fill(
      RunList.Jobs jobs,
      int firstJob,
      PageOrigin.JobReader reader,
      NativeBuffer buffer,
      long offset)
      throws IOException {
    int count = jobs.count() - firstJob;
    long[] offsets = new long[count + 1];
    offsets[0] = offset;
    byte[][] status = new byte[count][];
    for (int i = 0; i < count; i++) {
      int pages = jobs.pages(firstJob + i);
      status[i] = new byte[pages];
      reader.read(jobs, firstJob + i, buffer.address() + offsets[i], status[i], CopyPacer.NONE);
      offsets[i + 1] = offsets[i] + ((long) pages << PageTable.PAGE_SHIFT);
    }
    return new BufferedSource(buffer, firstJob, offsets, status);
  }

  /** {@return where the last job ends in the buffer, bytes} */
  long endOffset() {
    return offsets[offsets.length - 1];
  }

  /** {@return the address of the first page that could not be read, -1 if all could} */
  long firstLost(RunList.Jobs jobs) {
    PageBatch batch = new PageBatch(CopyPipeline.JOB_PAGES);
    for (int i = 0; i < status.length; i++) {
      batch.begin(jobs, firstJob + i, ByteBuffer.allocate(0));
      for (int page = 0; page < status[i].length; page++) {
        if (status[i][page] == PageBatch.LOST) {
          return batch.addresses[page];
        }
      }
    }
    return -1;
  }

  /** {@return how many pages could not be read} */
  long lostPages() {
    long n = 0;
    for (byte[] job : status) {
      for (byte page : job) {
        if (page == PageBatch.LOST) {
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
      public void load(RunList.Jobs jobs, int job, PageBatch batch, CopyPacer pacer) {
        int i = job - firstJob;
        int offset = (int) offsets[i];
        batch.begin(jobs, job, bytes.slice(offset, (int) (offsets[i + 1] - offset)));
        System.arraycopy(status[i], 0, batch.status, 0, batch.count);
      }

      @Override
      public void close() {
        // the buffer is borrowed
      }
    };
  }
}
