package io.predump.engine;

import io.predump.linux.NativeBuffer;
import java.io.IOException;

/** Reads each job when a worker asks for it, into a buffer of the worker's own. */
final class DirectSource implements PageSource {
  private final PageOrigin origin;

  DirectSource(PageOrigin origin) {
    this.origin = origin;
  }

  @Override
  public Reader reader() throws IOException {
    NativeBuffer buffer = NativeBuffer.allocate(CopyPipeline.JOB_BYTES);
    PageOrigin.JobReader reader;
    try {
      reader = origin.jobReader();
    } catch (IOException e) {
      buffer.close();
      throw e;
    }
    return new Reader() {
      @Override
      public void load(RunList.Jobs jobs, int job, PageBatch batch, CopyPacer pacer)
          throws IOException {
        batch.begin(jobs, job, buffer.bytes());
        reader.read(jobs, job, buffer.address(), batch.status, pacer);
      }

      @Override
      public void close() {
        reader.close();
        buffer.close();
      }
    };
  }
}
