package io.predump.engine;

import java.io.IOException;

/** Where the bytes of a round's pages come from: a live process, a shared object, or a buffer. */
interface PageSource {
  /** {@return a reader for one worker} */
  Reader reader() throws IOException;

  /** Loads jobs, one after the other; confined to one thread. */
  interface Reader extends AutoCloseable {
    /**
     * Loads a job's pages.
     *
     * @param batch set to the job's pages; its bytes are valid until the next call
     * @param pacer told of each piece
     * @throws io.predump.linux.SyscallException ESRCH if the process is gone
     */
    void load(RunList.Jobs jobs, int job, PageBatch batch, CopyPacer pacer) throws IOException;

    @Override
    void close();
  }
}
