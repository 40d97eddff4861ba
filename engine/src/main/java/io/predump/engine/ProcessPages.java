package io.predump.engine;

import io.predump.linux.Errno;
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
final class ProcessPages implements PageOrigin {
  private static final int MOST_IOVECS = 256;

  private final LiveThread thread;
  private final ProcessMemory memory;
  private final boolean keepsSharing;

  /**
   * @param memory borrowed; opened at attach, so that it answers nothing once the target has
   *     executed another program
   */
  ProcessPages(LiveThread thread, ProcessMemory memory, TestHooks hooks) {
    this.thread = thread;
    this.memory = memory;
    this.keepsSharing = hooks.on(Protection.SHARING_KEPT);
  }

  @Override
  public JobReader jobReader() throws IOException {
    RawPagemap pagemap = thread.ask(RawPagemap::open, RawPagemap::close);
    try {
      return new Reader(thread, pagemap, memory.forAnotherThread(thread.id()), keepsSharing);
    } catch (IOException e) {
      pagemap.close();
      throw e;
    }
  }

  private static final class Reader implements JobReader {
    private final LiveThread thread;
    private final RawPagemap pagemap;
    private final boolean keepsSharing;
    private ProcessMemory memory;
    private final long[] starts = new long[MOST_IOVECS];
    private final long[] lengths = new long[MOST_IOVECS];
    private int iovecs;
    private int batchedPages;

    Reader(LiveThread thread, RawPagemap pagemap, ProcessMemory memory, boolean keepsSharing) {
      this.thread = thread;
      this.pagemap = pagemap;
      this.memory = memory;
      this.keepsSharing = keepsSharing;
    }

    @Override
    public void read(RunList.Jobs jobs, int job, long localAddress, byte[] status)
        throws IOException {
      int page = 0;
      iovecs = 0;
      batchedPages = 0;
      for (int piece = jobs.firstPiece(job); piece < jobs.endPiece(job); piece++) {
        long start = jobs.start(piece);
        int pages = jobs.pageCount(piece);
        if ((jobs.kind(piece) & RunList.UNREADABLE) != 0 || !exclusive(start, pages)) {
          flush(localAddress, page, status);
          readSlowly(start, pages, localAddress, page, status);
        } else {
          if (iovecs == MOST_IOVECS) {
            flush(localAddress, page, status);
          }
          starts[iovecs] = start;
          lengths[iovecs++] = (long) pages << PageTable.PAGE_SHIFT;
          batchedPages += pages;
        }
        page += pages;
      }
      flush(localAddress, page, status);
    }

    private boolean exclusive(long start, int pages) throws IOException {
      if (!keepsSharing) {
        return true;
      }
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
    private void flush(long localAddress, int end, byte[] status) throws IOException {
      int first = 0;
      int page = end - batchedPages;
      while (first < iovecs) {
        long got = orNothing(localAddress + ((long) page << PageTable.PAGE_SHIFT), first);
        page += (int) (got >>> PageTable.PAGE_SHIFT);
        got &= -PageTable.PAGE_BYTES;
        while (first < iovecs && got >= lengths[first]) {
          got -= lengths[first++];
        }
        if (first < iovecs) {
          // stopped inside this piece: its next page is the bad one
          long bad = starts[first] + got;
          readSlowly(bad, 1, localAddress, page, status);
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

    private long orNothing(long local, int first) throws SyscallException {
      try {
        return memory.readv(local, starts, lengths, first, iovecs - first);
      } catch (SyscallException e) {
        if (e.is(Errno.EFAULT)) {
          return 0;
        }
        if (!e.is(Errno.ESRCH) || !thread.renewedSince(memory.pid())) {
          throw e;
        }
        ProcessMemory ended = memory;
        memory = ended.forAnotherThread(thread.id());
        ended.close();
        return orNothing(local, first);
      }
    }

    private void readSlowly(long start, int pages, long localAddress, int page, byte[] status)
        throws IOException {
      int done = 0;
      while (done < pages) {
        long want = (long) (pages - done) << PageTable.PAGE_SHIFT;
        long local = localAddress + ((long) (page + done) << PageTable.PAGE_SHIFT);
        long got;
        try {
          got = memory.pread(local, want, start + ((long) done << PageTable.PAGE_SHIFT));
        } catch (SyscallException e) {
          if (!e.is(Errno.EIO) && !e.is(Errno.EFAULT)) {
            throw e;
          }
          got = 0;
        }
        done += (int) (got >>> PageTable.PAGE_SHIFT);
        if (got < want) {
          status[page + done] = why(start + ((long) done << PageTable.PAGE_SHIFT));
          done++;
        }
      }
    }

    /**
     * Why a page cannot be read: because nothing is there any more (unmapped, or cut off with its
     * file, which leaves a marker at most), or although something is.
     */
    private byte why(long address) throws SyscallException {
      if (pagemap.read(address, 1) < 1) {
        return PageBatch.VACANT;
      }
      long entry = pagemap.entry(0);
      boolean there =
          RawPagemap.present(entry) || (RawPagemap.swapped(entry) && !RawPagemap.marker(entry));
      return there ? PageBatch.LOST : PageBatch.VACANT;
    }

    @Override
    public void close() {
      pagemap.close();
      memory.close();
    }
  }
}
