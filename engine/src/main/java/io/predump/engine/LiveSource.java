package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.mem.RawPagemap;
import java.io.IOException;

/**
 * Reads pages out of a process. process_vm_readv is the fast way, but it un-shares copy-on-write
 * pages of the target (its pin breaks the sharing, so reading a freshly forked process would double
 * its memory), and it refuses mappings without read permission. Pages that are not exclusively the
 * target's, pages in swap and unreadable mappings go through /proc/PID/mem, which does neither.
 */
final class LiveSource implements PageSource {
  private static final int MOST_IOVECS = 256;

  private final Pid pid;
  private final ProcessMemory memory;

  /**
   * @param memory borrowed; opened at attach, so that it answers nothing once the target has
   *     executed another program
   */
  LiveSource(Pid pid, ProcessMemory memory) {
    this.pid = pid;
    this.memory = memory;
  }

  @Override
  public Reader reader() throws IOException {
    return new JobReader();
  }

  /** {@return a reader that fills memory the caller owns} */
  Core core() throws IOException {
    return new Core();
  }

  private final class JobReader implements Reader {
    private final Core core = new Core();
    private final NativeBuffer buffer = NativeBuffer.allocate(CopyPipeline.JOB_BYTES);

    JobReader() throws IOException {}

    @Override
    public void load(RunList.Jobs jobs, int job, PageBatch batch) throws IOException {
      batch.begin(jobs, job, buffer.bytes());
      core.read(jobs, job, buffer.address(), batch.lost);
    }

    @Override
    public void close() {
      core.close();
      buffer.close();
    }
  }

  /** The reading itself, confined to one thread. */
  final class Core implements AutoCloseable {
    private final RawPagemap pagemap = RawPagemap.open(pid);
    private final ProcessMemory reader = memory.forAnotherThread();
    private final long[] starts = new long[MOST_IOVECS];
    private final long[] lengths = new long[MOST_IOVECS];
    private int iovecs;
    private int batchedPages;

    private Core() throws IOException {}

    /**
     * Reads a job's pages to {@code localAddress}, page after page.
     *
     * @param lost set for pages that could not be read
     */
    void read(RunList.Jobs jobs, int job, long localAddress, boolean[] lost) throws IOException {
      int page = 0;
      iovecs = 0;
      batchedPages = 0;
      for (int piece = jobs.firstPiece(job); piece < jobs.endPiece(job); piece++) {
        long start = jobs.start(piece);
        int pages = jobs.pageCount(piece);
        if ((jobs.kind(piece) & RunList.UNREADABLE) != 0 || !exclusive(start, pages)) {
          flush(localAddress, page, lost);
          readSlowly(start, pages, localAddress, page, lost);
        } else {
          if (iovecs == MOST_IOVECS) {
            flush(localAddress, page, lost);
          }
          starts[iovecs] = start;
          lengths[iovecs++] = (long) pages << PageTable.PAGE_SHIFT;
          batchedPages += pages;
        }
        page += pages;
      }
      flush(localAddress, page, lost);
    }

    private boolean exclusive(long start, int pages) throws IOException {
      int read = pagemap.read(start, pages);
      for (int i = 0; i < read; i++) {
        long entry = pagemap.entry(i);
        if (!RawPagemap.exclusive(entry)
            && (RawPagemap.present(entry) || RawPagemap.swapped(entry))) {
          return false;
        }
      }
      return true;
    }

    /** Reads what is batched: it ends before page {@code end} of the job. */
    private void flush(long localAddress, int end, boolean[] lost) throws IOException {
      int first = 0;
      int page = end - batchedPages;
      while (first < iovecs) {
        long got;
        try {
          got =
              reader.readv(
                  localAddress + ((long) page << PageTable.PAGE_SHIFT),
                  starts,
                  lengths,
                  first,
                  iovecs - first);
        } catch (SyscallException e) {
          if (!e.is(Errno.EFAULT)) {
            throw e;
          }
          got = 0;
        }
        page += (int) (got >>> PageTable.PAGE_SHIFT);
        got &= -PageTable.PAGE_BYTES;
        while (first < iovecs && got >= lengths[first]) {
          got -= lengths[first++];
        }
        if (first < iovecs) {
          // stopped inside this piece: its next page is the bad one
          long bad = starts[first] + got;
          readSlowly(bad, 1, localAddress, page, lost);
          page++;
          lengths[first] -= got + PageTable.PAGE_BYTES;
          starts[first] = bad + PageTable.PAGE_BYTES;
          if (lengths[first] == 0) {
            first++;
          }
        }
      }
      iovecs = 0;
      batchedPages = 0;
    }

    private void readSlowly(long start, int pages, long localAddress, int page, boolean[] lost)
        throws IOException {
      int done = 0;
      while (done < pages) {
        long want = (long) (pages - done) << PageTable.PAGE_SHIFT;
        long local = localAddress + ((long) (page + done) << PageTable.PAGE_SHIFT);
        long got;
        try {
          got = reader.pread(local, want, start + ((long) done << PageTable.PAGE_SHIFT));
        } catch (SyscallException e) {
          if (!e.is(Errno.EIO) && !e.is(Errno.EFAULT)) {
            throw e;
          }
          got = 0;
        }
        done += (int) (got >>> PageTable.PAGE_SHIFT);
        if (got < want) {
          lost[page + done] = true;
          done++;
        }
      }
    }

    @Override
    public void close() {
      pagemap.close();
      reader.close();
    }
  }
}
