package io.predump.engine;

import io.predump.images.PagesName;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.MappedFile;
import io.predump.linux.proc.Vma;
import java.io.IOException;
import java.util.List;

/**
 * Memory that exists once however often it is mapped: shared anonymous memory, System V segments,
 * memfds, files on tmpfs. It is read through the object, not through a mapping: every extent that
 * holds data, each round, whoever wrote it. Addresses are offsets in the object.
 *
 * <p>It is opened once, through a mapping, and stays open: the mapping may be gone or cut in two by
 * the next read, and an inode we hold cannot become another object's.
 */
final class SharedObject implements PageOrigin, AutoCloseable {
  private final long id;
  private final PageTable table = new PageTable();
  private final MappedFile file;
  private Vma vma;

  private SharedObject(long id, MappedFile file, Vma vma) {
    this.id = id;
    this.file = file;
    this.vma = vma;
  }

  /**
   * Opens the object behind a mapping.
   *
   * @throws SyscallException ENOENT if the mapping is no longer exactly there
   */
  static SharedObject open(long id, LiveThread thread, Vma vma) throws SyscallException {
    MappedFile file = thread.ask(living -> MappedFile.open(living, vma.range()), MappedFile::close);
    return new SharedObject(id, file, vma);
  }

  /** {@return the object's name in the images} */
  PagesName name() {
    return PagesName.ofShared(id);
  }

  long id() {
    return id;
  }

  PageTable table() {
    return table;
  }

  /** {@return a mapping of the object, for messages} */
  Vma vma() {
    return vma;
  }

  /** The object is mapped here now. */
  void mappedAt(Vma newVma) {
    vma = newVma;
  }

  /** Marks every page that holds data owed, every other one a hole. */
  void list(ScanCounts counts, TestHooks hooks) throws IOException {
    long at = 0;
    for (MappedFile.Extent extent : extents()) {
      long start = Math.max(at, extent.startOffset() & -PageTable.PAGE_BYTES);
      long end = (extent.endOffset() + PageTable.PAGE_BYTES - 1) & -PageTable.PAGE_BYTES;
      if (end > start) {
        vacate(at, start, hooks);
        table.list(start, end, hooks.on(Protection.SHARED_COMPARED), false);
        counts.scanned += (end - start) >>> PageTable.PAGE_SHIFT;
        counts.compared += (end - start) >>> PageTable.PAGE_SHIFT;
        at = end;
      }
    }
    vacate(at, Long.MAX_VALUE, hooks);
  }

  private void vacate(long start, long end, TestHooks hooks) {
    if (hooks.on(Protection.PRESENCE)) {
      table.vacate(start, end, PageState.HOLE);
    }
  }

  /** {@return bytes of the parts that hold data} */
  long dataBytes() throws SyscallException {
    return extents().stream().mapToLong(e -> e.endOffset() - e.startOffset()).sum();
  }

  /** {@return the parts that hold data; all of it where the file system does not know holes} */
  List<MappedFile.Extent> extents() throws SyscallException {
    try {
      return file.extents();
    } catch (SyscallException e) {
      if (!e.is(Errno.EINVAL)) {
        throw e;
      }
      return List.of(new MappedFile.Extent(0, file.size()));
    }
  }

  /** {@return the object itself; borrowed} */
  MappedFile file() {
    return file;
  }

  @Override
  public JobReader jobReader() {
    return new JobReader() {
      @Override
      public void read(
          RunList.Jobs jobs, int job, long localAddress, byte[] status, CopyPacer pacer)
          throws IOException {
        int page = 0;
        for (int piece = jobs.firstPiece(job); piece < jobs.endPiece(job); piece++) {
          long start = jobs.start(piece);
          int pages = jobs.pageCount(piece);
          for (int done = 0; done < pages; ) {
            int want = Math.min(pages - done, pacer.mostPages());
            readPiece(
                start + ((long) done << PageTable.PAGE_SHIFT),
                want,
                localAddress,
                page + done,
                status);
            done += want;
            pacer.worked(want);
          }
          page += pages;
        }
      }

      private void readPiece(long offset, int pages, long localAddress, int page, byte[] status)
          throws IOException {
        long local = localAddress + ((long) page << PageTable.PAGE_SHIFT);
        // past the object's end there is nothing any more
        for (int i = file.readPages(local, pages, offset); i < pages; i++) {
          status[page + i] = PageBatch.VACANT;
        }
      }

      @Override
      public void close() {
        // the object stays open
      }
    };
  }

  @Override
  public void close() {
    file.close();
  }
}
