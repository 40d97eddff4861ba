package io.predump.engine;

/** What keeps a page from being lost. Tests switch one off to prove that they would notice. */
enum Protection {
  /** Memory once armed is listed and armed again each round. */
  REARM,
  /** The target stands still while its soft-dirty bits are read and cleared. */
  SOFT_DIRTY_STANDSTILL,
  /** With soft-dirty bits, a page that lies elsewhere than when last listed is read again. */
  PAGE_PLACES,
  /** In the raw pagemap, the shared zero page is told from others by where it lies. */
  ZERO_PLACE,
  /** The search for pages in a reservation goes on until all that smaps counts are found. */
  ALL_PAGES_COUNTED
}
