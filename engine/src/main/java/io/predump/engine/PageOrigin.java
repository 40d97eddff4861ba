package io.predump.engine;

import java.io.IOException;

/** Whose memory pages come from: a process's, or a shared object's. */
interface PageOrigin {
  /** {@return a reader for one thread} */
  JobReader jobReader() throws IOException;

  /** Reads jobs into memory the caller owns; confined to one thread. */
  interface JobReader extends AutoCloseable {
    /**
     * Reads a job's pages to {@code localAddress}, page after page.
     *
     * @param status set for pages that were not read, see {@link PageBatch}
     * @param pacer told of each piece
     * @throws io.predump.linux.SyscallException ESRCH if the process is gone
     */
    void read(RunList.Jobs jobs, int job, long localAddress, byte[] status, CopyPacer pacer)
        throws IOException;

    @Override
    void close();
  }
}
