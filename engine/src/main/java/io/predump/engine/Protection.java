package io.predump.engine;

/**
 * What keeps a page from being lost. Tests switch one off to prove that they would notice; the
 * holes are those a tracker of this kind has, listed in the package's documentation.
 */
enum Protection {
  /** Memory once armed is listed and armed again each round. */
  REARM,
  /** Hole 1: shared memory is compared, whatever the written bit says. */
  SHARED_COMPARED,
  /** Hole 2: pages pinned as fixed buffers are read each round. */
  PINNED_READ,
  /** Hole 3: what was written while O_DIRECT reads may be in flight is read once more, later. */
  DIRECT_IO_DEBT,
  /** Hole 4: a swapped page of a file mapping counts as written: it may be a marker. */
  FILE_MARKERS,
  /** Small file mappings are compared where protecting them could make the target hang. */
  SMALL_FILES_COMPARED,
  /** Hole 5: a swapped page of hugetlb memory is a hole. */
  HUGETLB_MARKERS,
  /** Hole 6: what is not there any more leaves the table. */
  PRESENCE,
  /** Hole 7: what a failed scan had consumed is marked. */
  HARVEST,
  /** Hole 8: a scan insists on registration. */
  REGISTRATION_CHECK,
  /** Hole 9: scans begin and end on borders of huge pages. */
  HUGE_PAGE_BORDERS,
  /** Hole 10: what a failed round had stored is owed again. */
  OWED_UNTIL_STORED,
  /** What the second scanning thread finds in a large frozen process counts. */
  SECOND_SCAN,
  /** A hot page that is left to the freeze stays owed until then. */
  OWED_WHEN_DEFERRED,
  /** The target stands still while its soft-dirty bits are read and cleared. */
  SOFT_DIRTY_STANDSTILL,
  /** With soft-dirty bits, a page that lies elsewhere than when last listed is read again. */
  PAGE_PLACES,
  /** In the raw pagemap, the shared zero page is told from others by where it lies. */
  ZERO_PLACE,
  /** A process whose parent has ended leaves the tree: nobody would freeze it. */
  ORPHANS_LEAVE,
  /** A child that cannot be stopped now does not fail the round. */
  BUSY_CHILD_LATER,
  /** No process that shares the memory runs while it is read. */
  SHARERS,
  /** The search for pages in a reservation goes on until all that smaps counts are found. */
  ALL_PAGES_COUNTED,
  /** A checkpoint that lacks a resident page fails before anything ends. */
  RESIDENCY,
  /** A target whose memory cgroup has no room for what copying charges to it is refused. */
  MEMORY_ROOM,
  /** Near vm.max_map_count no mapping is split to let go of it in steps. */
  MAPPINGS_TO_SPARE
}
