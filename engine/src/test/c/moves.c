/* moves: memory whose content changes without a write of its own, each way when told to.
 *
 * Two arenas of 4 MiB, aligned so that whole page tables can move, and 256 pages more are filled with text of their own
 * and no huge pages; "ready". Each line of input is answered by "done":
 *
 *   move    the first arena is moved onto the second (mremap), the first is mapped anew and filled
 *   drop    half of the second arena is dropped and read: the kernel's zero page is there
 *   huge    likewise, of 2 MiB where huge pages are welcome: the kernel's huge zero page, if it has one
 *   merge   all of the 256 pages are made equal, then given to KSM; "done" once the kernel has merged them, "not" if not
 *   write   every fourth page of the second arena is written */
#define _GNU_SOURCE
#include <fcntl.h>

#include "target.h"

#define HUGE_PAGE (2 * MIB)
#define ARENA (4 * MIB)

enum { MERGED_PAGES = 256 };

static Random generator;

static char *aligned(size_t bytes) {
  char *at = map_private(bytes + HUGE_PAGE);
  return at + (-(uintptr_t)at & (HUGE_PAGE - 1));
}

static void fill(char *at, size_t bytes) {
  for (size_t i = 0; i < bytes; i += PAGE) {
    fill_text(at + i, &generator);
  }
}

static void drop_and_read(char *at, size_t bytes) {
  if (madvise(at, bytes, MADV_DONTNEED)) {
    die("MADV_DONTNEED");
  }
  for (size_t i = 0; i < bytes; i += PAGE) {
    (void)*(volatile char *)(at + i);
  }
}

static void move(char *from, char *to) {
  if (mremap(from, ARENA, ARENA, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ||
      mmap(from, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    die("mremap");
  }
  madvise(from, ARENA, MADV_NOHUGEPAGE);
  fill(from, ARENA);
}

/* A merged page is mapped more than once, so its entry no longer says that it is exclusively ours (bit 56). */
static int merged(const char *at) {
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  int shared = 0;
  for (int i = 0; i < MERGED_PAGES; i++) {
    uint64_t entry = 0;
    if (pread(pagemap, &entry, sizeof entry, (off_t)((uintptr_t)at / PAGE + (uintptr_t)i) * 8) != sizeof entry) {
      die("/proc/self/pagemap");
    }
    shared += (entry >> 56 & 1) == 0;
  }
  close(pagemap);
  return shared > MERGED_PAGES * 3 / 4;
}

static const char *merge(char *at) {
  for (int i = 0; i < MERGED_PAGES; i++) {
    memset(at + i * PAGE, 7, PAGE);
  }
  if (madvise(at, MERGED_PAGES * PAGE, MADV_MERGEABLE)) {
    return "not";
  }
  for (int tries = 0; tries < 1000; tries++) {
    if (merged(at)) {
      return "done";
    }
    usleep(10000);
  }
  return "not";
}

int main(void) {
  generator = random_of(13);
  char *first = aligned(ARENA), *second = aligned(ARENA), *huge = aligned(HUGE_PAGE);
  char *mergeable = map_private(MERGED_PAGES * PAGE);
  madvise(first, ARENA, MADV_NOHUGEPAGE);
  madvise(second, ARENA, MADV_NOHUGEPAGE);
  madvise(huge, HUGE_PAGE, MADV_HUGEPAGE);
  madvise(mergeable, MERGED_PAGES * PAGE, MADV_NOHUGEPAGE);
  fill(first, ARENA);
  fill(second, ARENA);
  fill(huge, HUGE_PAGE);
  fill(mergeable, MERGED_PAGES * PAGE);
  say("ready");
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    const char *answer = "done";
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, "move") == 0) {
      move(first, second);
    } else if (strcmp(line, "drop") == 0) {
      drop_and_read(second, ARENA / 2);
    } else if (strcmp(line, "huge") == 0) {
      drop_and_read(huge, HUGE_PAGE);
    } else if (strcmp(line, "merge") == 0) {
      answer = merge(mergeable);
    } else {
      for (size_t i = 0; i < ARENA; i += 4 * PAGE) {
        fill_text(second + i, &generator);
      }
    }
    say(answer);
  }
  return 0;
}
