/* writer SEED [MIB=48] [PAUSE_US=1000]: a process that does to its memory everything a pre-dump may get wrong.
 *
 * Three threads own regions of their own, of four kinds (ordinary anonymous memory, anonymous memory with huge pages, a
 * private mapping of a file, shared memory seen through two mappings), and do one seeded operation after another on
 * them until they are killed: write, zero, write the same bytes again, let the kernel write, drop pages (MADV_DONTNEED,
 * MADV_FREE, MADV_PAGEOUT), collapse to huge pages, unmap and map again at the same address, grow and move by mremap,
 * take rights away (PROT_READ, PROT_NONE) and give them back, fork a child that writes its copies for a moment, cut a
 * mapped file short and lengthen it. The first thread also moves the break and recurses deep into its stack. All of it
 * keeps the resident size at about MIB; SEED and PAUSE_US decide what happens and how fast (each thread sleeps
 * PAUSE_US after a burst of four operations; 0: never).
 *
 * It prints "ready" once every region has content. It must never crash: whatever the tests find wrong is then not ours.
 * Nobody else checks its memory: the test compares the images with the memory of the frozen process. What it leaves out
 * because images cannot show it: guard pages, O_DIRECT and io_uring in flight.
 *
 * Two rules keep three threads from stepping on each other. A thread touches only what it owns. And an address is free
 * for one moment when a region is unmapped before it is mapped again, so whoever maps anything holds `layout`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "target.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* Linux 5.4 */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

enum { THREADS = 3, REGIONS = 8, BURST = 4, HUGE = 2 << 20, FILE_BYTES = 1 << 20, SHARED_BYTES = 512 << 10 };

typedef enum { ANON, HUGE_ANON, FILE_PRIVATE, SHARED } Kind;

/* A mapping and its owner's knowledge of it. `locked_from` to `locked_to` are the pages without the right to write. */
typedef struct {
  Kind kind;
  char *at;
  size_t bytes, normal_bytes;
  char *twin; /* SHARED: the second mapping of the same memory */
  int file;   /* FILE_PRIVATE, SHARED: what is mapped; -1 for shared anonymous memory */
  size_t locked_from, locked_to;
} Region;

typedef struct {
  int index;
  Random random;
  Region regions[REGIONS];
  pid_t child; /* forked by this thread and perhaps still alive; 0: none */
} Worker;

static pthread_mutex_t layout = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t set_up;
static useconds_t pause_us;
static size_t break_limit, stack_limit;

static void check(int failed, const char *what) {
  if (failed) {
    die(what);
  }
}

/* ---- regions ------------------------------------------------------------------------------------------------ */

/* Maps a region's memory, at `at` if that is not NULL. The caller holds `layout`, so nothing lies there. */
static char *map(const Region *region, char *at) {
  int flags = region->kind == SHARED ? MAP_SHARED : MAP_PRIVATE;
  if (region->file < 0) {
    flags |= MAP_ANONYMOUS;
  }
  if (at != NULL) {
    flags |= MAP_FIXED;
  }
  char *mapped = mmap(at, region->bytes, PROT_READ | PROT_WRITE, flags, region->file, 0);
  check(mapped == MAP_FAILED, "mmap");
  if (region->kind == HUGE_ANON) {
    madvise(mapped, region->bytes, MADV_HUGEPAGE); /* a kernel without huge pages serves as well */
  }
  return mapped;
}

/* Reserves an address range: aligned for huge pages, because those need it. The caller holds `layout`. */
static char *reserve(size_t bytes) {
  char *at = mmap(NULL, bytes + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(at == MAP_FAILED, "mmap");
  char *aligned = (char *)(((uintptr_t)at + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
  if (aligned > at) {
    munmap(at, (size_t)(aligned - at));
  }
  munmap(aligned + bytes, (size_t)(at + HUGE - aligned));
  return aligned;
}

/* A file nobody else sees. In TMPDIR, for the memory of a mapped file should come from a file system where it can. */
static int nameless_file(size_t bytes, Random *random) {
  const char *directory = getenv("TMPDIR");
  char path[4096];
  snprintf(path, sizeof path, "%s/predump-writer-XXXXXX", directory != NULL ? directory : "/tmp");
  int file = mkostemp(path, O_CLOEXEC);
  check(file < 0, path);
  unlink(path);
  char page[PAGE];
  for (size_t at = 0; at < bytes; at += PAGE) {
    fill_text(page, random);
    if (below(random, 8) == 0) {
      memset(page, 0, PAGE);
    }
    check(pwrite(file, page, PAGE, (off_t)at) != PAGE, "pwrite");
  }
  return file;
}

/* Gives every page of the region its rights back. */
static void unlock(Region *region) {
  if (region->locked_to > region->locked_from) {
    check(mprotect(region->at, region->bytes, PROT_READ | PROT_WRITE), "mprotect");
    region->locked_from = region->locked_to = 0;
  }
}

static void fill_region(Region *region, Random *random) {
  for (size_t i = 0; i < region->bytes; i += PAGE) {
    uint64_t what = below(random, 8);
    if (what == 0) {
      fill_random(region->at + i, random);
    } else if (what == 1) {
      memset(region->at + i, 0, PAGE);
    } else if (what > 2 || region->kind != FILE_PRIVATE) { /* of a file mapping some pages stay the file's */
      fill_text(region->at + i, random);
    }
  }
}

/* A random stretch of pages of the region, at most `most`. */
static char *stretch(const Region *region, Random *random, size_t most, size_t *pages) {
  size_t all = region->bytes / PAGE;
  *pages = 1 + below(random, most < all ? most : all);
  return region->at + below(random, all - *pages + 1) * PAGE;
}

/* ---- operations on a region -------------------------------------------------------------------------------------- */

static void write_pages(Region *region, Random *random) {
  size_t pages;
  char *at = stretch(region, random, 48, &pages);
  for (size_t i = 0; i < pages; i++, at += PAGE) {
    switch (below(random, 4)) {
      case 0:
        fill_random(at, random);
        break;
      case 1:
        fill_text(at, random);
        break;
      default: /* a few bytes only: a page counts as written whole */
        ((uint64_t *)at)[below(random, WORDS_PER_PAGE)] = next(random);
    }
  }
}

static void zero_pages(Region *region, Random *random) {
  size_t pages;
  char *at = stretch(region, random, 24, &pages);
  memset(at, 0, pages * PAGE);
}

/* Written, yet the same: volatile, or the compiler drops it. */
static void write_equal(Region *region, Random *random) {
  size_t pages;
  char *at = stretch(region, random, 24, &pages);
  for (size_t i = 0; i < pages; i++) {
    volatile uint64_t *word = (volatile uint64_t *)(at + i * PAGE) + below(random, WORDS_PER_PAGE);
    *word = *word;
  }
}

/* The kernel writes: from a generator, and from another process's memory, which happens to be our own. */
static void kernel_write(Region *region, Random *random) {
  size_t pages;
  char *at = stretch(region, random, 4, &pages);
  if (below(random, 2) == 0) {
    check(getrandom(at, 256, 0) < 0, "getrandom");
    return;
  }
  char bytes[512];
  memset(bytes, (int)next(random), sizeof bytes);
  struct iovec from = {bytes, sizeof bytes}, to = {at + below(random, PAGE - sizeof bytes), sizeof bytes};
  process_vm_writev(getpid(), &from, 1, &to, 1, 0); /* may be forbidden: then nothing is written */
}

/* Reading a hole of anonymous memory puts the kernel's zero page there. */
static void read_pages(Region *region, Random *random) {
  size_t pages;
  volatile char *at = stretch(region, random, 64, &pages);
  for (size_t i = 0; i < pages; i++) {
    (void)at[i * PAGE];
  }
}

/* A dropped page shows zeros, of a private file mapping the file's bytes; a page marked free perhaps still its own. */
static void drop_pages(Region *region, Random *random) {
  static const int advice[] = {MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT, MADV_COLD};
  size_t pages;
  char *at = stretch(region, random, 40, &pages);
  madvise(at, pages * PAGE, advice[below(random, 5)]);
}

/* Whole huge pages go or come. */
static void huge_pages(Region *region, Random *random) {
  if (region->kind != HUGE_ANON) {
    return;
  }
  char *at = region->at + below(random, region->bytes / HUGE) * HUGE;
  if (below(random, 3) == 0) {
    madvise(at, HUGE, MADV_DONTNEED);
    for (size_t i = 0; i < HUGE; i += PAGE) {
      ((uint64_t *)(at + i))[0] = next(random);
    }
  } else {
    madvise(at, HUGE, MADV_COLLAPSE);
  }
}

/* Rights taken away in the middle of a region split its VMA. The content stays and must be copied all the same. */
static void take_rights(Region *region, Random *random) {
  size_t pages;
  char *at = stretch(region, random, 64, &pages);
  check(mprotect(at, pages * PAGE, below(random, 2) ? PROT_NONE : PROT_READ), "mprotect");
  region->locked_from = (size_t)(at - region->at);
  region->locked_to = region->locked_from + pages * PAGE;
}

/* Another mapping at the same address, with some content or with none: nothing of the old one may survive. */
static void map_again(Region *region, Random *random) {
  pthread_mutex_lock(&layout);
  check(munmap(region->at, region->bytes), "munmap");
  if (below(random, 2) == 0) {
    usleep((useconds_t)below(random, 300)); /* gone for a moment */
  }
  map(region, region->at);
  pthread_mutex_unlock(&layout);
  if (below(random, 2) == 0) {
    fill_region(region, random);
  }
}

/* Drops a part of the region and maps just that part anew: the neighbours stay, the VMA may merge or not. */
static void map_part_again(Region *region, Random *random) {
  size_t pages;
  char *at = stretch(region, random, 32, &pages);
  int flags = MAP_PRIVATE | MAP_FIXED | (region->file < 0 ? MAP_ANONYMOUS : 0);
  pthread_mutex_lock(&layout);
  check(munmap(at, pages * PAGE), "munmap");
  void *mapped = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, flags, region->file, region->file < 0 ? 0 : at - region->at);
  pthread_mutex_unlock(&layout);
  check(mapped == MAP_FAILED, "mmap");
  ((uint64_t *)at)[0] = next(random);
}

/* Moves the region, or grows or shrinks it. Where that fails, it starts anew at its old address. */
static void move_region(Region *region, Random *random) {
  int emptied = 0;
  pthread_mutex_lock(&layout);
  if (region->bytes != region->normal_bytes) { /* back to its size; the tail is lost */
    munmap(region->at + region->normal_bytes, region->bytes - region->normal_bytes);
    region->bytes = region->normal_bytes;
  } else if (region->kind == ANON && below(random, 2) == 0) {
    size_t grown = region->bytes + (1 + below(random, 32)) * PAGE;
    char *at = mremap(region->at, region->bytes, grown, MREMAP_MAYMOVE);
    if (at != MAP_FAILED) {
      region->at = at;
      region->bytes = grown;
    }
  } else {
    char *to = reserve(region->bytes);
    char *at = mremap(region->at, region->bytes, region->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    if (at != MAP_FAILED) {
      region->at = at;
    } else {
      /* Since Linux 6.17 several VMAs may move, and some of them may have before the call failed. */
      munmap(to, region->bytes);
      map(region, region->at);
      emptied = 1;
    }
  }
  pthread_mutex_unlock(&layout);
  if (emptied) {
    fill_region(region, random);
  }
}

/* The file under a private mapping changes: pages never written show it, pages beyond its end are lost even if written. */
static void change_file(Region *region, Random *random) {
  char page[PAGE];
  fill_text(page, random);
  off_t at = (off_t)(below(random, FILE_BYTES / PAGE) * PAGE);
  check(pwrite(region->file, page, PAGE, at) != PAGE, "pwrite");
  if (below(random, 4) == 0) {
    check(ftruncate(region->file, FILE_BYTES / 2 + (off_t)below(random, FILE_BYTES / 2)), "ftruncate");
    usleep((useconds_t)below(random, 300)); /* we touch nothing meanwhile, and the children only anonymous memory */
    check(ftruncate(region->file, FILE_BYTES), "ftruncate");
  }
}

/* Shared memory written by every way but the mapping's own page table entry. */
static void write_shared(Region *region, Random *random) {
  off_t at = (off_t)(below(random, SHARED_BYTES / PAGE) * PAGE);
  char page[PAGE];
  fill_text(page, random);
  switch (below(random, region->file < 0 ? 3 : 5)) {
    case 0:
      memset(region->twin + at, 0, PAGE);
      break;
    case 1:
    case 2:
      memcpy(region->twin + at, page, PAGE);
      break;
    case 3:
      check(pwrite(region->file, page, PAGE, at) != PAGE, "pwrite");
      break;
    default:
      fallocate(region->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, PAGE);
  }
}

/* A child shares all our pages until one of us writes. It writes some, lives some milliseconds, and is reaped later. */
static void fork_child(Worker *worker, Region *region) {
  if (worker->child > 0 && waitpid(worker->child, NULL, WNOHANG) == 0) {
    return;
  }
  worker->child = fork();
  if (worker->child < 0) {
    worker->child = 0; /* no room for a process: go on without */
  } else if (worker->child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < region->bytes; i += 4 * PAGE) {
      region->at[i] = 1;
    }
    usleep(2000);
    _exit(0);
  }
}

/* ---- what belongs to the first thread alone ------------------------------------------------------------------ */

/* Moves the break up or down. Nobody calls malloc by now, so the break is ours. */
static void move_break(Random *random) {
  static char *start;
  if (start == NULL) {
    start = sbrk(0);
    start += -(uintptr_t)start % PAGE;
  }
  char *end = start + below(random, break_limit / PAGE + 1) * PAGE;
  char *old = sbrk(0);
  if (brk(end)) {
    return;
  }
  for (char *page = old > start ? old : start; page < end; page += PAGE) {
    fill_text(page, random);
  }
  if (end > start) {
    start[below(random, (size_t)(end - start))] ^= 1;
  }
}

/* Each frame fills most of a page. Returns something of it, so that the frame cannot be left out. */
static __attribute__((noinline)) uint64_t descend(size_t depth, Random *random) {
  volatile uint64_t frame[480];
  for (int i = 0; i < 480; i += 16) {
    frame[i] = next(random);
  }
  return depth == 0 ? frame[0] : descend(depth - 1, random) ^ frame[16];
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

static void operate(Worker *worker) {
  Random *random = &worker->random;
  Region *region = &worker->regions[below(random, REGIONS)];
  if (region->kind == SHARED) {
    if (below(random, 2) == 0) {
      write_shared(region, random);
    } else if (below(random, 4) == 0 && region->file >= 0) { /* without a file it would lose its twin */
      map_again(region, random);
    } else {
      write_pages(region, random);
    }
    return;
  }
  if (region->locked_to > 0 && below(random, 2) == 0) {
    return; /* stays as it is for a while, so that a round or the freeze meets it */
  }
  unlock(region);
  switch (below(random, 24)) {
    case 0:
    case 1:
      zero_pages(region, random);
      break;
    case 2:
    case 3:
      write_equal(region, random);
      break;
    case 4:
      kernel_write(region, random);
      break;
    case 5:
      read_pages(region, random);
      break;
    case 6:
    case 7:
      drop_pages(region, random);
      break;
    case 8:
      huge_pages(region, random);
      break;
    case 9:
    case 10:
      take_rights(region, random);
      break;
    case 11:
      if (below(random, 8) == 0) {
        map_again(region, random);
      }
      break;
    case 12:
      map_part_again(region, random);
      break;
    case 13:
      move_region(region, random);
      break;
    case 14:
      if (region->kind == FILE_PRIVATE) {
        change_file(region, random);
      }
      break;
    case 15:
      if (region->kind != FILE_PRIVATE && below(random, 4) == 0) {
        fork_child(worker, region);
      }
      break;
    case 16:
      if (worker->index == 0) {
        move_break(random);
      }
      break;
    case 17:
      if (worker->index == 0) {
        descend(below(random, stack_limit / PAGE), random);
      }
      break;
    default:
      write_pages(region, random);
  }
}

/* The first region is of huge pages in the first thread, the last two of a file and shared; the others are anonymous. */
static void create_regions(Worker *worker, size_t bytes) {
  for (int i = 0; i < REGIONS; i++) {
    Region *region = &worker->regions[i];
    *region = (Region){.kind = ANON, .bytes = bytes / REGIONS / PAGE * PAGE, .file = -1};
    if (i == 0 && worker->index == 0) {
      region->kind = HUGE_ANON;
      region->bytes = bytes < 6 * MIB ? HUGE : 2 * HUGE;
    } else if (i == REGIONS - 2) {
      region->kind = FILE_PRIVATE;
      region->bytes = FILE_BYTES;
      region->file = nameless_file(FILE_BYTES, &worker->random);
    } else if (i == REGIONS - 1) {
      region->kind = SHARED;
      region->bytes = SHARED_BYTES;
      if (worker->index > 0) { /* of the first thread shared anonymous memory, of the others a memfd */
        region->file = memfd_create("predump-writer", MFD_CLOEXEC);
        check(region->file < 0 || ftruncate(region->file, SHARED_BYTES), "memfd_create");
      }
    }
    region->normal_bytes = region->bytes;
    pthread_mutex_lock(&layout);
    char *at = reserve(region->bytes);
    munmap(at, region->bytes);
    region->at = map(region, at);
    if (region->kind == SHARED) {
      /* mremap of length 0 gives a second mapping of shared memory, named or not */
      region->twin = mremap(region->at, 0, region->bytes, MREMAP_MAYMOVE);
      check(region->twin == MAP_FAILED, "mremap");
    }
    pthread_mutex_unlock(&layout);
    fill_region(region, &worker->random);
  }
}

static void *work(void *argument) {
  Worker *worker = argument;
  pthread_barrier_wait(&set_up);
  for (;;) {
    for (int i = 0; i < BURST; i++) {
      operate(worker);
    }
    if (pause_us > 0) {
      usleep(pause_us);
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  const char *text = "writer SEED [MIB=48] [PAUSE_US=1000]";
  if (argc < 2 || argc > 4) {
    usage(text);
  }
  uint64_t seed = (uint64_t)number(argv[1], 0, 9e15, text);
  size_t bytes = (size_t)(argc > 2 ? number(argv[2], 16, 1 << 16, text) : 48) * MIB;
  pause_us = (useconds_t)(argc > 3 ? number(argv[3], 0, 1e6, text) : 1000);

  break_limit = bytes / 16;
  stack_limit = 2 * MIB;
  struct rlimit stack;
  if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur / 4 < stack_limit) {
    stack_limit = stack.rlim_cur / 4;
  }

  static Worker workers[THREADS];
  pthread_t thread;
  check(pthread_barrier_init(&set_up, NULL, THREADS), "pthread_barrier_init");
  for (int i = 0; i < THREADS; i++) {
    workers[i].index = i;
    workers[i].random = random_of(seed * THREADS + (uint64_t)i);
    create_regions(&workers[i], bytes * 6 / 5 / THREADS);
  }
  for (int i = 1; i < THREADS; i++) {
    check(pthread_create(&thread, NULL, work, &workers[i]), "pthread_create");
  }
  say("ready");
  work(&workers[0]);
}
