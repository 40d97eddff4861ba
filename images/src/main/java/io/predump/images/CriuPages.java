package io.predump.images;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Which private pages of a whole checkpoint come from whom.
 *
 * <p>Under the veil CRIU lists next to nothing: the pages are the chain's, and what CRIU has beside
 * them is kept. With {@code --lazy-pages} CRIU's pagemap is the list: PRESENT pages are CRIU's,
 * LAZY ones the chain's, or zeros where the chain holds none of an anonymous mapping.
 *
 * @param layout all pages of the process
 * @param leftOutPages pages the chain holds and the checkpoint has no place for
 * @param criuListedPages pages CRIU's pagemap calls PRESENT: as many as its pages file holds
 */
record CriuPages(PageLayout layout, long leftOutPages, long criuListedPages) {

  /**
   * Puts the pages of one process together.
   *
   * @param criu CRIU's directory, whose files are checked
   * @param held what the chain holds of the process
   * @throws ImageCorruptException if CRIU's pagemap says what it cannot say in this mode, or a page
   *     is nobody's
   */
  static CriuPages of(Path criu, CriuTask task, CriuOrigin.Mode mode, PageRuns held)
      throws IOException {
    Path file = criu.resolve(PagesName.ofProcess(task.vpid()).fileName());
    PagemapReader entries = PagemapReader.ofCriu(file, ImageFiles.readAll(file));
    PageLayout.Builder presentPages = new PageLayout.Builder();
    PageLayout.Builder lazyPages = new PageLayout.Builder();
    long read = 0;
    while (entries.next()) {
      if (!entries.isLazy()) {
        presentPages.add(entries.vaddr(), entries.pageCount(), PageLayout.CRIU, read);
        read += entries.pageCount();
      } else if (mode == CriuOrigin.Mode.VEIL) {
        throw entries.corrupt("LAZY, but criu saw no page to be lazy about");
      } else {
        lazyPages.add(entries.vaddr(), entries.pageCount(), PageLayout.ZEROS, 0);
      }
    }
    PageLayout present = presentPages.build();
    PageLayout mappings = PageLayout.zeros(task.privateMappings());
    PageLayout mapped = PageLayout.of(held).within(mappings);
    if (mode == CriuOrigin.Mode.VEIL) {
      return new CriuPages(mapped.orElse(present), held.pageCount() - mapped.pageCount(), read);
    }
    PageLayout lazy = lazyPages.build();
    PageLayout ours = mapped.within(lazy);
    PageLayout anonymous =
        PageLayout.zeros(
            task.privateMappings().stream().filter(CriuTask.PrivateMapping::anonymous).toList());
    PageLayout zeros = lazy.within(anonymous);
    PageLayout filled = ours.orElse(zeros);
    if (filled.pageCount() != lazy.pageCount()) {
      throw new ImageCorruptException(
          file,
          -1,
          "LAZY pages=" + lazy.pageCount() + " of which are held, or zeros=" + filled.pageCount());
    }
    return new CriuPages(present.orElse(filled), held.pageCount() - ours.pageCount(), read);
  }
}
