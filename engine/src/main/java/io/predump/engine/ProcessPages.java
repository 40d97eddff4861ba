package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.mem.RawPagemap;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads pages out of a process, whoever shares them, and leaves them as they are: {@link
 * ProcessMemory} says what a faster way did to targets.
 */
final class ProcessPages implements PageOrigin {
  private final LiveThread thread;
  private final ProcessMemory memory;

  /**
   * @param memory borrowed; opened at attach, so that it answers nothing once the target has
   *     executed another program
   */
  ProcessPages(LiveThread thread, ProcessMemory memory) {
    this.thread = thread;
    this.memory = memory;
  }

  @Override
  public JobReader jobReader() throws IOException {
    return new Reader(thread, memory);
  }

  private static final class Reader implements JobReader {
    private final LiveThread thread;
    private final ProcessMemory memory;

    /** Opened when first needed: most readers, and those under the freeze above all, never do. */
    private @Nullable RawPagemap pagemap;

    Reader(LiveThread thread, ProcessMemory memory) {
      this.thread = thread;
      this.memory = memory;
    }

    @Override
    public void read(RunList.Jobs jobs, int job, long localAddress, byte[] status, CopyPacer pacer)
        throws IOException {
      int page = 0;
      for (int piece = jobs.firstPiece(job); piece < jobs.endPiece(job); piece++) {
        int pages = jobs.pageCount(piece);
        readPiece(jobs.start(piece), pages, localAddress, page, status, pacer);
        page += pages;
      }
    }

    private void readPiece(
        long start, int pages, long localAddress, int page, byte[] status, CopyPacer pacer)
        throws IOException {
      int done = 0;
      while (done < pages) {
        int most = Math.min(pages - done, pacer.mostPages());
        long want = (long) most << PageTable.PAGE_SHIFT;
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
        pacer.worked(most);
      }
    }

    /**
     * Why a page cannot be read: because nothing is there any more (unmapped, or cut off with its
     * file, which leaves a marker at most), or although something is.
     */
    private byte why(long address) throws SyscallException {
      RawPagemap entries = pagemap;
      if (entries == null) {
        entries = thread.ask(RawPagemap::open, RawPagemap::close);
        pagemap = entries;
      }
      if (entries.read(address, 1) < 1) {
        return PageBatch.VACANT;
      }
      long entry = entries.entry(0);
      boolean there =
          RawPagemap.present(entry) || (RawPagemap.swapped(entry) && !RawPagemap.marker(entry));
      return there ? PageBatch.LOST : PageBatch.VACANT;
    }

    @Override
    public void close() {
      if (pagemap != null) {
        pagemap.close();
      }
    }
  }
}
