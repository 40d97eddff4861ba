/* adversary SEED FEATURES [MIB=16] [PAUSE_US=300]: a process that does to its memory whatever Linux lets it, and knows
 * what must be there.
 *
 * Four threads own regions of many kinds and do one seeded operation after another on them. Every page carries a stamp:
 * its content is a function of two numbers that the owner keeps beside it, and of what happened to it since (dropped, cut
 * off with its file, wiped by a fork). So the program notices at any time if a page is not what it left there; its
 * forked children, which go on working on what they inherited, notice too. Somebody else compares the images.
 *
 * FEATURES is a sum of the bits below, decimal or 0x hex, of what may happen besides writing, dropping and checking pages.
 * SEED decides what happens, MIB how much memory there is, PAUSE_US how fast (each thread sleeps so long after a burst of
 * operations; 0: never).
 *
 * It prints "ready" once it works and answers each line of input by one line:
 *
 *   check   every thread checks everything it owns: "ok OPERATIONS", or "bad" and the first thing ever found wrong
 *   quiet   finishes the I/O that is in flight and starts none until told: "quiet"
 *   loud    may start I/O again: "loud"
 *
 * Two rules keep the threads from stepping on each other. A thread touches only what it owns. And an address is free for
 * one moment when a region is unmapped before it is mapped again, so whoever maps anything holds `layout`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "target.h"

enum {
  MAP = 1 << 0,       /* munmap and mmap at the same address, mremap: move, grow, shrink, DONTUNMAP */
  ADVICE = 1 << 1,    /* FREE, COLD, PAGEOUT, POPULATE, MERGEABLE, mlock */
  RIGHTS = 1 << 2,    /* mprotect */
  FORK = 1 << 3,      /* children that go on working; WIPEONFORK, DONTFORK */
  HUGE = 1 << 4,      /* transparent huge pages: HUGEPAGE, COLLAPSE, dropped */
  SHARED = 1 << 5,    /* shared memory of four kinds, each mapped twice */
  FILES = 1 << 6,     /* private mappings of files that change and are cut */
  STACK = 1 << 7,     /* the main thread's stack and the break */
  GUARD = 1 << 8,     /* guard pages in anonymous memory */
  DROPPABLE = 1 << 9, /* MAP_DROPPABLE */
  KERNEL = 1 << 10,   /* the kernel writes: read(2) from a file and a pipe */
  VFORK = 1 << 11,    /* children that share the address space for a moment */
  DIRECT = 1 << 12,   /* O_DIRECT, waited for */
  AIO = 1 << 13,      /* O_DIRECT by io_submit, in flight while other things happen */
  URING = 1 << 14,    /* io_uring into ordinary memory */
  WORKERS = 1 << 15,  /* its requests go to its own threads */
  FIXED = 1 << 16,    /* io_uring into registered buffers, from a file and from a pipe that is empty for long */
  PEER = 1 << 17,     /* process_vm_writev: the kernel pins up to 4 MiB, then writes it without a fault */
  GUARD_FILES = 1 << 18, /* guard pages in private file mappings too */
  IN_FLIGHT = AIO | URING | FIXED
};

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08 /* Linux 6.11 */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13, in file mappings 6.15 */
#define MADV_GUARD_REMOVE 103
#endif

enum {
  THREADS = 4,
  MOST_REGIONS = 10,
  BURST = 8,
  HUGE_BYTES = 2 << 20,
  REGION_BYTES = 512 << 10,
  REGION_PAGES = REGION_BYTES / PAGE,
  SOURCE_PAGES = 256,
  SPARE_PAGES = 32, /* a region grows by so many at most */
  CHILDS_PAGES = 8, /* the first pages of shared memory belong to the children, who keep no stamps of them */
  MOST_OPERATIONS = 64
};

/* What a page shows: a pattern made of `fill` (none: zeros), and `edit`, if there is one, at a place that fill tells. */
typedef struct {
  uint64_t fill, edit;
} Stamp;

/* What is known of a page. `loose`: the kernel may drop it. `own`: of a private file mapping, not the file's content. */
typedef struct {
  Stamp stamp;
  char loose, own;
} Page;

typedef enum { ANON, HUGE_ANON, FILE_PRIVATE, OBJECT, DROP, FIXED_BUFFER } Kind;
typedef enum { ANONYMOUS, MEMFD, SYSV, TMPFS } ObjectKind;
typedef enum { KEPT, WIPED, ABSENT } InChild;
typedef enum { WITHOUT_RIGHTS, GUARDED, LOCKED } Closed;

/* A mapping and its owner's knowledge of it. From `closed_from` to `closed_to` it is out of use for a while. */
typedef struct {
  Kind kind;
  ObjectKind object;
  char *at;
  size_t bytes, normal_bytes;
  char *twin;        /* OBJECT: the second mapping of the same memory */
  int file;          /* what is mapped; -1: nothing that has a descriptor */
  int segment;       /* SYSV */
  Stamp *file_pages; /* FILE_PRIVATE: what the file holds */
  Page *pages;
  size_t closed_from, closed_to;
  Closed closed;
  InChild in_child;
  char *registered; /* FIXED_BUFFER: where it lay when the ring pinned it */
  int busy;         /* I/O into it is in flight */
} Region;

typedef struct {
  int fd;
  unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
  struct io_uring_sqe *sqes;
  struct io_uring_cqe *cqes;
} Ring;

typedef struct Worker Worker;

/* One request for I/O that is in flight. */
typedef struct {
  Region *region; /* NULL: none */
  size_t first, count, source;
  int from_pipe, by_aio;
  Stamp piped;
  struct iocb block;
} Request;

struct Worker {
  int index;
  Random random;
  Region regions[MOST_REGIONS];
  int region_count;
  pid_t child;
  int source, direct; /* the file of known content, the second one with O_DIRECT */
  int pipe[2];
  Ring ring;
  aio_context_t aio;
  Request request;
  uint64_t scratch[WORDS_PER_PAGE], buffer[WORDS_PER_PAGE];
  _Atomic unsigned checked, hushed; /* the newest order to check, and to be quiet, that was obeyed */
  _Atomic uint64_t operations;
};

typedef void Operation(Worker *, Region *);

static pthread_mutex_t layout = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t set_up;
static unsigned features;
static useconds_t pause_us;
static Worker workers[THREADS];
static Stamp source_pages[SOURCE_PAGES];
static Operation *operations[MOST_OPERATIONS];
static int operation_count;
static _Atomic unsigned check_wanted, quiet_wanted;
static _Atomic int quiet;
static int generation; /* 0: the process itself, 1: its children … */

/* What went wrong first, in memory that the children share. */
typedef struct {
  _Atomic int said;
  char text[500];
} Complaint;
static Complaint *complaint;

static void check(int failed, const char *what) {
  if (failed) {
    die(what);
  }
}

static __attribute__((format(printf, 1, 2))) void complain(const char *format, ...) {
  if (atomic_fetch_add(&complaint->said, 1) == 0) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint->text, sizeof complaint->text, format, arguments);
    va_end(arguments);
  }
}

/* An address that must be there is not: said by whoever finds it, the process itself or a child. */
static void crash(int signal, siginfo_t *info, void *context) {
  const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  complain("generation %d: signal %d, address %p, instruction %p", generation, signal, info->si_addr, (void *)registers[REG_RIP]);
  if (generation == 0) {
    fprintf(stderr, "%s\n", complaint->text);
  }
  _exit(3);
}

/* ---- stamps ------------------------------------------------------------------------------------------------------- */

static Stamp new_stamp(Random *random) { return (Stamp){next(random) | 2, 0}; }

/* Never the first word, which is fill itself. */
static size_t edit_word(Stamp stamp) { return 1 + stamp.fill % (WORDS_PER_PAGE - 1); }

static void make_page(void *page, Stamp stamp) {
  if (stamp.fill == 0) {
    memset(page, 0, PAGE);
  } else {
    Random random = random_of(stamp.fill);
    if (stamp.fill & 1) {
      fill_text(page, &random);
    } else {
      fill_random(page, &random);
    }
    *(uint64_t *)page = stamp.fill;
  }
  if (stamp.edit != 0) {
    ((uint64_t *)page)[edit_word(stamp)] = stamp.edit;
  }
}

static int shows(Worker *worker, const char *page, Stamp stamp) {
  make_page(worker->scratch, stamp);
  return memcmp(page, worker->scratch, PAGE) == 0;
}

static Stamp expected(const Region *region, size_t page) {
  return region->kind == FILE_PRIVATE && !region->pages[page].own ? region->file_pages[page] : region->pages[page].stamp;
}

static void note(Region *region, size_t page, Stamp stamp) { region->pages[page] = (Page){stamp, 0, 1}; }

/* Pages are gone: what shows now is zeros, or the file. */
static void note_gone(Region *region, size_t from, size_t to) { memset(&region->pages[from], 0, (to - from) * sizeof(Page)); }

/* Pages of a private file mapping are its own from now on. */
static void note_copied(Region *region, size_t from, size_t to) {
  for (size_t page = from; page < to; page++) {
    if (region->kind == FILE_PRIVATE) {
      note(region, page, expected(region, page));
    }
  }
}

static const char *name_of(Kind kind) {
  static const char *names[] = {"anonymous", "huge", "private file", "shared", "droppable", "registered"};
  return names[kind];
}

/* The kernel may drop such a page between two stores to it, or two looks: what was stored before is zeros then. */
static int was_dropped(const uint64_t *words, Stamp stamp) {
  uint64_t stored[WORDS_PER_PAGE];
  make_page(stored, stamp);
  for (size_t i = 0; i < WORDS_PER_PAGE; i++) {
    if (words[i] != stored[i] && words[i] != 0) {
      return 0;
    }
  }
  return 1;
}

static void check_page(Worker *worker, Region *region, size_t page) {
  if (region->kind == OBJECT && page < CHILDS_PAGES) {
    return;
  }
  const char *at = region->at + page * PAGE;
  Page *known = &region->pages[page];
  Stamp stamp = expected(region, page);
  if (shows(worker, at, stamp)) {
    return;
  }
  if ((known->loose || region->kind == DROP) && shows(worker, at, (Stamp){0, 0})) {
    note(region, page, (Stamp){0, 0});
    return;
  }
  if (region->kind == DROP && was_dropped((const uint64_t *)at, stamp)) {
    madvise(region->at + page * PAGE, PAGE, MADV_DONTNEED);
    note(region, page, (Stamp){0, 0});
    return;
  }
  const uint64_t *words = (const uint64_t *)at;
  size_t word = edit_word(stamp);
  complain("generation %d thread %d: %s memory, page %zu at %p: fill %lx should be %lx, word %zu %lx should be %lx", generation,
           worker->index, name_of(region->kind), page, (void *)at, words[0], stamp.fill, word, words[word], stamp.edit);
}

/* A page that the kernel may drop is kept from now on. The locked write decides: it faults before it reads. */
static void keep(Worker *worker, Region *region, size_t page) {
  if (region->pages[page].loose) {
    atomic_fetch_or((_Atomic uint64_t *)(region->at + page * PAGE), 0);
    check_page(worker, region, page);
    region->pages[page].loose = 0;
  }
}

/* ---- regions ------------------------------------------------------------------------------------------------------ */

static size_t pages_of(const Region *region) { return region->bytes / PAGE; }

/* Maps a region's memory, at `at` if that is not NULL. The caller holds `layout`, so nothing lies there. */
static char *map(const Region *region, char *at) {
  if (region->kind == OBJECT && region->object == SYSV) {
    char *attached = shmat(region->segment, at, 0);
    check(attached == (void *)-1, "shmat");
    return attached;
  }
  int flags = region->kind == OBJECT ? MAP_SHARED : region->kind == DROP ? MAP_DROPPABLE : MAP_PRIVATE;
  flags |= (region->file < 0 ? MAP_ANONYMOUS : 0) | (at != NULL ? MAP_FIXED : 0);
  char *mapped = mmap(at, region->bytes, PROT_READ | PROT_WRITE, flags, region->file, 0);
  check(mapped == MAP_FAILED, "mmap");
  if (region->kind == HUGE_ANON) {
    madvise(mapped, region->bytes, MADV_HUGEPAGE); /* a kernel without huge pages serves as well */
  }
  return mapped;
}

/* Reserves an address range: aligned for huge pages, because those need it. The caller holds `layout`. */
static char *reserve(size_t bytes) {
  char *at = mmap(NULL, bytes + HUGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(at == MAP_FAILED, "mmap");
  char *aligned = (char *)(((uintptr_t)at + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
  if (aligned > at) {
    munmap(at, (size_t)(aligned - at));
  }
  munmap(aligned + bytes, (size_t)(at + HUGE_BYTES - aligned));
  return aligned;
}

/* A file nobody else sees. In TMPDIR, which must not be a tmpfs where O_DIRECT is wanted. */
static int nameless_file(const char *directory, size_t bytes) {
  char path[4096];
  snprintf(path, sizeof path, "%s/predump-adversary-XXXXXX", directory);
  int file = mkostemp(path, O_CLOEXEC);
  check(file < 0 || unlink(path) || ftruncate(file, (off_t)bytes), path);
  return file;
}

static const char *disk(void) {
  const char *directory = getenv("TMPDIR");
  return directory != NULL ? directory : "/tmp";
}

/* Gives every page of the region back into use. */
static void open_again(Region *region) {
  if (region->closed_to > region->closed_from) {
    size_t bytes = (region->closed_to - region->closed_from) * PAGE;
    char *at = region->at + region->closed_from * PAGE;
    int failed = region->closed == GUARDED  ? madvise(at, bytes, MADV_GUARD_REMOVE)
                 : region->closed == LOCKED ? munlock(at, bytes)
                                            : mprotect(at, bytes, PROT_READ | PROT_WRITE);
    check(failed, "open again");
    region->closed_from = region->closed_to = 0;
  }
}

/* A random stretch of pages of the region, at most `most`. Returns the first. */
static size_t stretch(Worker *worker, const Region *region, size_t most, size_t *count) {
  size_t all = pages_of(region);
  *count = 1 + below(&worker->random, most < all ? most : all);
  return below(&worker->random, all - *count + 1);
}

static void fill(Region *region, size_t page, Stamp stamp) {
  make_page(region->at + page * PAGE, stamp);
  note(region, page, stamp);
}

static void fill_region(Worker *worker, Region *region) {
  for (size_t page = 0; page < pages_of(region); page++) {
    uint64_t what = below(&worker->random, 8);
    if (what == 0) {
      fill(region, page, (Stamp){0, 0});
    } else if (what > 2) {
      fill(region, page, new_stamp(&worker->random));
    }
  }
}

static int private_memory(const Region *region) { return region->kind == ANON || region->kind == HUGE_ANON || region->kind == FILE_PRIVATE; }

/* ---- what always happens ------------------------------------------------------------------------------------------ */

static void write_pages(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, 32, &count);
  for (size_t page = from; page < from + count; page++) {
    if (region->kind == DROP || (region->kind == FILE_PRIVATE && !region->pages[page].own) || below(&worker->random, 2) == 0) {
      fill(region, page, new_stamp(&worker->random));
    } else { /* one word only: a page counts as written whole */
      keep(worker, region, page);
      Stamp stamp = {region->pages[page].stamp.fill, next(&worker->random) | 1};
      ((uint64_t *)(region->at + page * PAGE))[edit_word(stamp)] = stamp.edit;
      note(region, page, stamp);
    }
  }
}

static void zero_pages(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, 16, &count);
  for (size_t page = from; page < from + count; page++) {
    fill(region, page, (Stamp){0, 0});
  }
}

/* Written, yet the same. */
static void write_equal(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, 16, &count);
  for (size_t page = from; page < from + count; page++) {
    if (region->kind != DROP && region->kind != FILE_PRIVATE) {
      keep(worker, region, page);
      atomic_fetch_or((_Atomic uint64_t *)(region->at + page * PAGE), 0);
    }
  }
}

static void check_pages(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, 64, &count);
  for (size_t page = from; page < from + count; page++) {
    check_page(worker, region, page);
  }
}

/* A dropped page shows zeros, of a private file mapping the file's bytes, of shared memory what it held. */
static void drop_pages(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, 48, &count);
  if (region->kind != FIXED_BUFFER && madvise(region->at + from * PAGE, count * PAGE, MADV_DONTNEED) == 0 && region->kind != OBJECT) {
    note_gone(region, from, from + count);
  }
}

/* ---- ADVICE, RIGHTS, GUARD, HUGE -------------------------------------------------------------------------------------- */

static void advise(Worker *worker, Region *region) {
  static const int advice[] = {MADV_FREE, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_MERGEABLE, MADV_UNMERGEABLE};
  size_t count, from = stretch(worker, region, 48, &count);
  int chosen = advice[below(&worker->random, 8)];
  if (region->kind == FIXED_BUFFER || (chosen == MADV_POPULATE_WRITE && !private_memory(region))) {
    return;
  }
  if (region->kind == FILE_PRIVATE && chosen == MADV_POPULATE_WRITE) { /* copies the file's pages */
    if (madvise(region->at + from * PAGE, count * PAGE, chosen) == 0) {
      note_copied(region, from, from + count);
    }
    return;
  }
  if (madvise(region->at + from * PAGE, count * PAGE, chosen) == 0 && chosen == MADV_FREE) {
    for (size_t page = from; page < from + count; page++) {
      region->pages[page].loose = 1;
    }
  }
}

/* Copies the pages of a private file mapping. */
static void lock_in_memory(Worker *worker, Region *region) {
  (void)worker;
  if (private_memory(region) && mlock(region->at, region->bytes) == 0) {
    note_copied(region, 0, pages_of(region));
    region->closed = LOCKED;
    region->closed_from = 0;
    region->closed_to = pages_of(region);
  }
}

/* Rights taken away in the middle of a region split its VMA. The content stays and must be copied all the same. */
static void take_rights(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, 64, &count);
  check(mprotect(region->at + from * PAGE, count * PAGE, below(&worker->random, 2) ? PROT_NONE : PROT_READ), "mprotect");
  region->closed_from = from;
  region->closed_to = from + count;
  region->closed = WITHOUT_RIGHTS;
}

static void install_guard(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, 24, &count);
  int wanted = region->kind == ANON || region->kind == HUGE_ANON || (region->kind == FILE_PRIVATE && features & GUARD_FILES);
  if (wanted && madvise(region->at + from * PAGE, count * PAGE, MADV_GUARD_INSTALL) == 0) {
    note_gone(region, from, from + count);
    region->closed_from = from;
    region->closed_to = from + count;
    region->closed = GUARDED;
  }
}

/* Whole huge pages go or come. */
static void huge_pages(Worker *worker, Region *region) {
  if (region->kind != HUGE_ANON) {
    return;
  }
  size_t of_huge = HUGE_BYTES / PAGE, first = below(&worker->random, region->bytes / HUGE_BYTES) * of_huge;
  char *at = region->at + first * PAGE;
  switch (below(&worker->random, 5)) {
    case 0:
      if (madvise(at, HUGE_BYTES, MADV_DONTNEED) == 0) {
        note_gone(region, first, first + of_huge);
      }
      break;
    case 1:
      if (madvise(at, HUGE_BYTES, MADV_DONTNEED) == 0) {
        note_gone(region, first, first + of_huge);
        fill(region, first + below(&worker->random, of_huge), new_stamp(&worker->random));
      }
      break;
    case 2:
      madvise(at, HUGE_BYTES, below(&worker->random, 4) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
      break;
    case 3: /* waits for a worker of every processor: seldom, for on a busy machine it takes long */
      if (below(&worker->random, 8) == 0) {
        madvise(at, HUGE_BYTES, MADV_COLLAPSE);
      }
      break;
    default: /* written whole, by one fault if nothing is there */
      for (size_t page = first; page < first + of_huge; page += 8) {
        fill(region, page, new_stamp(&worker->random));
      }
  }
}

/* ---- MAP ---------------------------------------------------------------------------------------------------------- */

/* Another mapping at the same address, with some content or with none: nothing of the old one may survive. */
static void map_again(Worker *worker, Region *region) {
  if (!private_memory(region) && region->kind != DROP && (region->kind != OBJECT || region->object == ANONYMOUS)) {
    return;
  }
  pthread_mutex_lock(&layout);
  check(region->kind == OBJECT && region->object == SYSV ? shmdt(region->at) : munmap(region->at, region->bytes), "munmap");
  if (below(&worker->random, 2) == 0) {
    usleep((useconds_t)below(&worker->random, 300)); /* gone for a moment */
  }
  map(region, region->at);
  pthread_mutex_unlock(&layout);
  region->in_child = region->kind == DROP ? WIPED : KEPT;
  if (region->kind != OBJECT) {
    note_gone(region, 0, pages_of(region));
    if (below(&worker->random, 2) == 0) {
      fill_region(worker, region);
    }
  }
}

/* Maps just a part anew: the neighbours stay, the VMA may merge or not. */
static void map_part_again(Worker *worker, Region *region) {
  if (!private_memory(region) || region->in_child != KEPT) {
    return;
  }
  size_t count, from = stretch(worker, region, 32, &count);
  char *at = region->at + from * PAGE;
  int flags = MAP_PRIVATE | MAP_FIXED | (region->file < 0 ? MAP_ANONYMOUS : 0);
  pthread_mutex_lock(&layout);
  check(munmap(at, count * PAGE), "munmap");
  void *mapped = mmap(at, count * PAGE, PROT_READ | PROT_WRITE, flags, region->file, region->file < 0 ? 0 : (off_t)(from * PAGE));
  pthread_mutex_unlock(&layout);
  check(mapped == MAP_FAILED, "mmap");
  note_gone(region, from, from + count);
  if (below(&worker->random, 2) == 0) {
    fill(region, from, new_stamp(&worker->random));
  }
}

/* Where mremap fails, some of several VMAs may have moved (since Linux 6.17): the region starts anew at its place. */
static void start_anew(Region *region, char *to) {
  munmap(to, region->bytes);
  map(region, region->at);
  region->in_child = KEPT;
  note_gone(region, 0, pages_of(region));
}

static void move(Region *region) {
  char *to = reserve(region->bytes);
  char *at = mremap(region->at, region->bytes, region->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
  if (at == MAP_FAILED) {
    start_anew(region, to);
  } else {
    region->at = at;
  }
}

/* The pages move, the mapping stays behind empty. Either goes on as the region, or the pages come back. */
static void move_pages_only(Worker *worker, Region *region) {
  char *to = reserve(region->bytes);
  char *at = mremap(region->at, region->bytes, region->bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
  if (at == MAP_FAILED) {
    start_anew(region, to);
    return;
  }
  usleep((useconds_t)below(&worker->random, 200));
  switch (below(&worker->random, 3)) {
    case 0:
      munmap(region->at, region->bytes);
      region->at = at;
      break;
    case 1:
      munmap(at, region->bytes);
      note_gone(region, 0, pages_of(region));
      break;
    default:
      if (mremap(at, region->bytes, region->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, region->at) == MAP_FAILED) {
        start_anew(region, at);
      }
  }
}

static void grow_or_shrink(Worker *worker, Region *region) {
  if (region->bytes != region->normal_bytes) { /* back to its size; the tail is lost */
    munmap(region->at + region->normal_bytes, region->bytes - region->normal_bytes);
    region->bytes = region->normal_bytes;
  } else {
    size_t grown = region->bytes + (1 + below(&worker->random, SPARE_PAGES)) * PAGE;
    char *at = mremap(region->at, region->bytes, grown, MREMAP_MAYMOVE);
    if (at != MAP_FAILED) {
      region->at = at;
      region->bytes = grown;
      note_gone(region, region->normal_bytes / PAGE, pages_of(region));
    }
  }
}

static void remap(Worker *worker, Region *region) {
  if (!private_memory(region)) {
    return;
  }
  pthread_mutex_lock(&layout);
  if (region->kind == ANON && (region->bytes != region->normal_bytes || below(&worker->random, 3) == 0)) {
    grow_or_shrink(worker, region);
  } else if (below(&worker->random, 2) == 0) {
    move(region);
  } else {
    move_pages_only(worker, region);
  }
  pthread_mutex_unlock(&layout);
}

static int exchangeable(const Region *region) {
  int kind = region->kind == ANON || region->kind == FILE_PRIVATE || (region->kind == OBJECT && region->object == MEMFD);
  return kind && !region->busy && region->bytes == REGION_BYTES && region->closed_to == region->closed_from;
}

/* Two regions of different kinds exchange their addresses. */
static void exchange(Worker *worker, Region *region) {
  Region *other = &worker->regions[below(&worker->random, (uint64_t)worker->region_count)];
  if (other->kind == region->kind || !exchangeable(region) || !exchangeable(other)) {
    return;
  }
  pthread_mutex_lock(&layout);
  check(munmap(region->at, REGION_BYTES) || munmap(other->at, REGION_BYTES), "munmap");
  char *at = region->at;
  region->at = map(region, other->at);
  other->at = map(other, at);
  pthread_mutex_unlock(&layout);
  Region *both[] = {region, other};
  for (int i = 0; i < 2; i++) {
    both[i]->in_child = KEPT;
    if (both[i]->kind != OBJECT) {
      note_gone(both[i], 0, REGION_PAGES);
    }
  }
}

/* ---- FILES, SHARED -------------------------------------------------------------------------------------------------- */

/* The file under a private mapping changes: pages never written show it, pages beyond its end are lost even if written. */
static void change_file(Worker *worker, Region *region) {
  if (region->kind != FILE_PRIVATE) {
    return;
  }
  size_t page = below(&worker->random, REGION_PAGES);
  Stamp stamp = new_stamp(&worker->random);
  make_page(worker->buffer, stamp);
  check(pwrite(region->file, worker->buffer, PAGE, (off_t)(page * PAGE)) != PAGE, "pwrite");
  region->file_pages[page] = stamp;
  if (below(&worker->random, 3) == 0) {
    size_t cut = REGION_PAGES / 2 + below(&worker->random, REGION_PAGES / 2);
    check(ftruncate(region->file, (off_t)(cut * PAGE)), "ftruncate");
    usleep((useconds_t)below(&worker->random, 300));
    check(ftruncate(region->file, REGION_BYTES), "ftruncate");
    memset(&region->file_pages[cut], 0, (REGION_PAGES - cut) * sizeof(Stamp));
    note_gone(region, cut, REGION_PAGES);
  }
}

/* The second mapping goes and comes. */
static void map_twin_again(Region *region) {
  pthread_mutex_lock(&layout);
  if (region->object == SYSV) {
    shmdt(region->twin);
    region->twin = shmat(region->segment, NULL, 0);
  } else {
    munmap(region->twin, region->bytes);
    region->twin = region->file >= 0 ? map(region, NULL) : mremap(region->at, 0, region->bytes, MREMAP_MAYMOVE);
  }
  pthread_mutex_unlock(&layout);
  check(region->twin == MAP_FAILED, "second mapping");
}

/* Shared memory written by every way but the mapping's own page table entry. */
static void change_object(Worker *worker, Region *region) {
  if (region->kind != OBJECT) {
    return;
  }
  size_t page = CHILDS_PAGES + below(&worker->random, REGION_PAGES - CHILDS_PAGES);
  Stamp stamp = new_stamp(&worker->random);
  switch (below(&worker->random, region->file < 0 ? 5 : 8)) {
    case 0:
      stamp = (Stamp){0, 0}; /* fall through */
    case 1:
    case 2:
      make_page(region->twin + page * PAGE, stamp);
      note(region, page, stamp);
      break;
    case 3:
      if (madvise(region->twin + page * PAGE, PAGE, MADV_REMOVE) == 0) {
        note(region, page, (Stamp){0, 0});
      }
      break;
    case 4:
      map_twin_again(region);
      break;
    case 5:
      make_page(worker->buffer, stamp);
      check(pwrite(region->file, worker->buffer, PAGE, (off_t)(page * PAGE)) != PAGE, "pwrite");
      note(region, page, stamp);
      break;
    case 6:
      check(fallocate(region->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(page * PAGE), PAGE), "fallocate");
      note(region, page, (Stamp){0, 0});
      break;
    default: { /* cut, and longer again */
      size_t cut = REGION_PAGES / 2 + below(&worker->random, REGION_PAGES / 2);
      check(ftruncate(region->file, (off_t)(cut * PAGE)), "ftruncate");
      usleep((useconds_t)below(&worker->random, 200));
      check(ftruncate(region->file, REGION_BYTES), "ftruncate");
      note_gone(region, cut, REGION_PAGES);
    }
  }
}

/* ---- KERNEL, PEER, DIRECT ----------------------------------------------------------------------------------------------- */

static void read_from_source(Worker *worker, Region *region, int file) {
  size_t count, from = stretch(worker, region, 32, &count), source = below(&worker->random, SOURCE_PAGES - count);
  check(pread(file, region->at + from * PAGE, count * PAGE, (off_t)(source * PAGE)) != (ssize_t)(count * PAGE), "pread");
  for (size_t i = 0; i < count; i++) {
    note(region, from + i, source_pages[source + i]);
  }
}

static void kernel_write(Worker *worker, Region *region) {
  if (below(&worker->random, 2) == 0 || worker->request.region != NULL) {
    read_from_source(worker, region, worker->source);
    return;
  }
  size_t page = below(&worker->random, pages_of(region));
  Stamp stamp = new_stamp(&worker->random);
  make_page(worker->buffer, stamp);
  check(write(worker->pipe[1], worker->buffer, PAGE) != PAGE || read(worker->pipe[0], region->at + page * PAGE, PAGE) != PAGE, "pipe");
  note(region, page, stamp);
}

static void direct_read(Worker *worker, Region *region) { read_from_source(worker, region, worker->direct); }

static void peer_write(Worker *worker, Region *region) {
  size_t count, from = stretch(worker, region, REGION_PAGES, &count);
  Stamp stamp = new_stamp(&worker->random);
  make_page(worker->buffer, stamp);
  struct iovec local[REGION_PAGES], remote = {region->at + from * PAGE, count * PAGE};
  for (size_t i = 0; i < count; i++) {
    local[i] = (struct iovec){worker->buffer, PAGE};
  }
  check(process_vm_writev(getpid(), local, count, &remote, 1, 0) != (ssize_t)(count * PAGE), "process_vm_writev");
  for (size_t i = 0; i < count; i++) {
    note(region, from + i, stamp);
  }
}

/* ---- IN_FLIGHT ------------------------------------------------------------------------------------------------------ */

static void open_ring(Ring *ring) {
  struct io_uring_params params = {0};
  ring->fd = (int)syscall(SYS_io_uring_setup, 8, &params);
  check(ring->fd < 0 || !(params.features & IORING_FEAT_SINGLE_MMAP), "io_uring_setup");
  size_t bytes = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  size_t more = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  char *rings = mmap(NULL, bytes > more ? bytes : more, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
  ring->sqes = mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
  check(rings == MAP_FAILED || ring->sqes == MAP_FAILED, "io_uring");
  ring->sq_tail = (unsigned *)(rings + params.sq_off.tail);
  ring->sq_mask = (unsigned *)(rings + params.sq_off.ring_mask);
  ring->sq_array = (unsigned *)(rings + params.sq_off.array);
  ring->cq_head = (unsigned *)(rings + params.cq_off.head);
  ring->cq_tail = (unsigned *)(rings + params.cq_off.tail);
  ring->cq_mask = (unsigned *)(rings + params.cq_off.ring_mask);
  ring->cqes = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
}

/* A stop by a signal, a tracer or a freezer may interrupt it. */
static void enter(const Ring *ring, unsigned submit, unsigned wait) {
  while (syscall(SYS_io_uring_enter, ring->fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0) < 0) {
    check(errno != EINTR && errno != EAGAIN, "io_uring_enter");
  }
}

static void submit_to_ring(Worker *worker, const struct io_uring_sqe *entry) {
  Ring *ring = &worker->ring;
  unsigned tail = *ring->sq_tail, slot = tail & *ring->sq_mask;
  ring->sqes[slot] = *entry;
  ring->sq_array[slot] = slot;
  __atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
  enter(ring, 1, 0);
}

static int wait_for_ring(Worker *worker) {
  Ring *ring = &worker->ring;
  unsigned head = *ring->cq_head;
  while (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head) {
    enter(ring, 0, 1);
  }
  int result = ring->cqes[head & *ring->cq_mask].res;
  __atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
  return result;
}

static int wait_for_aio(Worker *worker) {
  struct io_event event;
  while (syscall(SYS_io_getevents, worker->aio, 1, 1, &event, NULL) != 1) {
    check(errno != EINTR, "io_getevents");
  }
  return (int)event.res;
}

/* Waits for the request in flight, if there is one. Into the pipe goes what its reader waits for. */
static void finish_io(Worker *worker) {
  Request *request = &worker->request;
  Region *region = request->region;
  if (region == NULL) {
    return;
  }
  if (request->from_pipe) {
    make_page(worker->buffer, request->piped);
    check(write(worker->pipe[1], worker->buffer, PAGE) != PAGE, "pipe");
  }
  int result = request->by_aio ? wait_for_aio(worker) : wait_for_ring(worker);
  if (result != (int)(request->count * PAGE)) {
    errno = result < 0 ? -result : 0;
    die("I/O");
  }
  for (size_t i = 0; i < request->count; i++) {
    note(region, request->first + i, request->from_pipe ? request->piped : source_pages[request->source + i]);
  }
  region->busy = 0;
  request->region = NULL;
}

static void begin_aio(Worker *worker) {
  Request *request = &worker->request;
  request->by_aio = 1;
  request->block = (struct iocb){.aio_lio_opcode = IOCB_CMD_PREAD,
                                 .aio_fildes = (uint32_t)worker->direct,
                                 .aio_buf = (uintptr_t)(request->region->at + request->first * PAGE),
                                 .aio_nbytes = request->count * PAGE,
                                 .aio_offset = (long long)(request->source * PAGE)};
  struct iocb *blocks[] = {&request->block};
  check(syscall(SYS_io_submit, worker->aio, 1, blocks) != 1, "io_submit");
}

static void begin_on_ring(Worker *worker, int file) {
  Request *request = &worker->request;
  Region *region = request->region;
  int fixed = region->kind == FIXED_BUFFER;
  char *at = (fixed ? region->registered : region->at) + request->first * PAGE;
  struct io_uring_sqe entry = {.opcode = fixed ? IORING_OP_READ_FIXED : IORING_OP_READ,
                               .flags = features & WORKERS ? IOSQE_ASYNC : 0,
                               .fd = file,
                               .addr = (uintptr_t)at,
                               .len = (unsigned)(request->count * PAGE),
                               .off = request->from_pipe ? (uint64_t)-1 : request->source * PAGE};
  submit_to_ring(worker, &entry);
}

/* Starts a request and goes away, or finishes the one that was started. */
static void in_flight(Worker *worker, Region *region) {
  Request *request = &worker->request;
  if (request->region != NULL) {
    if (below(&worker->random, 3) == 0) {
      finish_io(worker);
    }
    return;
  }
  int fixed = region->kind == FIXED_BUFFER;
  if (quiet || generation > 0 || region->kind == OBJECT || region->kind == DROP || !(fixed || features & (AIO | URING))) {
    return;
  }
  *request = (Request){.region = region, .piped = new_stamp(&worker->random)};
  request->first = stretch(worker, region, 64, &request->count);
  request->source = below(&worker->random, SOURCE_PAGES - request->count);
  region->busy = 1;
  if (!fixed && (!(features & URING) || (features & AIO && below(&worker->random, 2) == 0))) {
    begin_aio(worker);
  } else if (fixed && below(&worker->random, 2) == 0) {
    request->from_pipe = 1;
    request->count = 1;
    begin_on_ring(worker, worker->pipe[0]);
  } else {
    begin_on_ring(worker, features & DIRECT ? worker->direct : worker->source);
  }
}

/* ---- FORK, VFORK ------------------------------------------------------------------------------------------------------ */

static void choose_for_children(Worker *worker, Region *region) {
  static const int advice[] = {MADV_WIPEONFORK, MADV_DONTFORK};
  if (region->kind != ANON) {
    return;
  }
  if (region->in_child != KEPT) {
    check(madvise(region->at, region->bytes, region->in_child == WIPED ? MADV_KEEPONFORK : MADV_DOFORK), "madvise");
    region->in_child = KEPT;
  } else {
    int chosen = (int)below(&worker->random, 2);
    check(madvise(region->at, region->bytes, advice[chosen]), "madvise");
    region->in_child = chosen == 0 ? WIPED : ABSENT;
  }
}

static void operate(Worker *worker);
static void check_everything(Worker *worker);

static void reap(Worker *worker, int options) {
  int status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(worker->child, &status, options);
  } while (reaped < 0 && errno == EINTR);
  if (reaped == worker->child) {
    worker->child = 0;
    if (status != 0) {
      complain("a child of generation %d ended with status 0x%x", generation + 1, status);
    }
  }
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Goes on working on what it inherited of the thread that forked; the rest belongs to threads it does not have. */
static void live_as_child(Worker *worker, uint64_t seed) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  generation++;
  pthread_mutex_init(&layout, NULL);
  worker->child = 0;
  worker->random = random_of(seed);
  worker->request.region = NULL;
  check(pipe2(worker->pipe, O_CLOEXEC), "pipe"); /* the inherited one is the parent's */
  int kept = 0;
  for (int i = 0; i < worker->region_count; i++) {
    Region *region = &worker->regions[i];
    if (region->kind == OBJECT && region->closed_to == 0) { /* its first pages are ours */
      for (size_t page = 0; page < CHILDS_PAGES; page++) {
        make_page(region->at + page * PAGE, new_stamp(&worker->random));
      }
    }
    if ((region->kind != ANON && region->kind != HUGE_ANON) || region->in_child == ABSENT || region->busy) {
      continue; /* others write the files and objects; DMA goes to the parent's pages, and may have reached ours */
    }
    if (region->in_child == WIPED) {
      note_gone(region, 0, pages_of(region));
    }
    Region survivor = *region;
    worker->regions[kept++] = survivor;
  }
  worker->region_count = kept;
  uint64_t lifetimes[] = {300, 5000, 50000, 400000};
  uint64_t end = now_us() + below(&worker->random, lifetimes[below(&worker->random, 4)]);
  check_everything(worker);
  while (kept > 0 && now_us() < end) {
    operate(worker);
    if (pause_us > 0 && below(&worker->random, BURST) == 0) {
      usleep(pause_us);
    }
  }
  check_everything(worker);
  if (worker->child > 0) {
    reap(worker, 0);
  }
  _exit(0);
}

static void fork_child(Worker *worker, Region *region) {
  (void)region;
  if (worker->child > 0) {
    reap(worker, WNOHANG);
  }
  if (worker->child > 0 || generation > 1) {
    return;
  }
  uint64_t seed = next(&worker->random);
  pid_t child = fork();
  if (child == 0) {
    live_as_child(worker, seed);
  }
  worker->child = child < 0 ? 0 : child; /* no room for a process: go on without */
}

static void share_with_child(Worker *worker, Region *region) {
  (void)region;
  useconds_t wait = (useconds_t)below(&worker->random, 2000);
  pid_t child = vfork();
  if (child == 0) {
    usleep(wait);
    _exit(0);
  }
  while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
}

/* ---- STACK: of the main thread alone ------------------------------------------------------------------------------------- */

/* Moves the break up or down. Nobody calls malloc by now, so the break is ours. */
static void move_break(Worker *worker, Region *region) {
  enum { MOST = 256 };
  static char *start;
  static Stamp stamps[MOST];
  (void)region;
  if (worker->index != 0) {
    return;
  }
  if (start == NULL) {
    start = sbrk(0);
    start += -(uintptr_t)start % PAGE;
  }
  size_t before = (char *)sbrk(0) > start ? (size_t)((char *)sbrk(0) - start) / PAGE : 0;
  for (size_t i = 0; i < before; i++) {
    if (!shows(worker, start + i * PAGE, stamps[i])) {
      complain("the break: page %zu at %p: fill %lx should be %lx", i, (void *)(start + i * PAGE), *(uint64_t *)(start + i * PAGE), stamps[i].fill);
    }
  }
  size_t after = below(&worker->random, MOST);
  if (brk(start + after * PAGE)) {
    return;
  }
  for (size_t i = 0; i < after; i++) {
    if (i >= before) {
      stamps[i] = (Stamp){0, 0};
    }
    if (below(&worker->random, 3) == 0) {
      stamps[i] = new_stamp(&worker->random);
      make_page(start + i * PAGE, stamps[i]);
    }
  }
}

/* Each frame fills most of a page. */
static __attribute__((noinline)) void descend(size_t depth, Random *random) {
  volatile uint64_t frame[480];
  uint64_t first = next(random);
  for (uint64_t i = 0; i < 480; i += 16) {
    frame[i] = first + i;
  }
  if (depth > 0) {
    descend(depth - 1, random);
  }
  for (uint64_t i = 0; i < 480; i += 16) {
    if (frame[i] != first + i) {
      complain("the stack: %lx should be %lx", frame[i], first + i);
    }
  }
}

static void use_stack(Worker *worker, Region *region) {
  (void)region;
  if (worker->index == 0) {
    descend(below(&worker->random, MIB / PAGE), &worker->random);
  }
}

/* ---- threads -------------------------------------------------------------------------------------------------------- */

static void offer(unsigned needed, Operation *operation, int weight) {
  if ((features & needed) != 0 || needed == 0) {
    for (int i = 0; i < weight; i++) {
      operations[operation_count++] = operation;
    }
  }
}

static void offer_operations(void) {
  offer(0, write_pages, 12);
  offer(0, zero_pages, 2);
  offer(0, write_equal, 2);
  offer(0, check_pages, 2);
  offer(0, drop_pages, 2);
  offer(MAP, map_again, 1);
  offer(MAP, map_part_again, 2);
  offer(MAP, remap, 2);
  offer(MAP, exchange, 1);
  offer(ADVICE, advise, 3);
  offer(ADVICE, lock_in_memory, 1);
  offer(RIGHTS, take_rights, 2);
  offer(GUARD, install_guard, 1);
  offer(HUGE, huge_pages, 3);
  offer(FILES, change_file, 2);
  offer(SHARED, change_object, 4);
  offer(KERNEL, kernel_write, 2);
  offer(PEER, peer_write, 2);
  offer(DIRECT, direct_read, 2);
  offer(IN_FLIGHT, in_flight, 6);
  offer(FORK, fork_child, 1);
  offer(FORK, choose_for_children, 1);
  offer(VFORK, share_with_child, 1);
  offer(STACK, move_break, 1);
  offer(STACK, use_stack, 1);
}

static void operate(Worker *worker) {
  Region *region = &worker->regions[below(&worker->random, (uint64_t)worker->region_count)];
  Operation *operation = operations[below(&worker->random, (uint64_t)operation_count)];
  worker->operations++;
  if (region->busy && operation != in_flight) {
    return;
  }
  if (region->closed_to > 0 && below(&worker->random, 2) == 0) {
    return; /* stays as it is for a while, so that a round or the freeze meets it */
  }
  open_again(region);
  operation(worker, region);
}

static void check_everything(Worker *worker) {
  for (int i = 0; i < worker->region_count; i++) {
    Region *region = &worker->regions[i];
    if (!region->busy) {
      open_again(region);
      for (size_t page = 0; page < pages_of(region); page++) {
        check_page(worker, region, page);
      }
    }
  }
}

/* Does what the control thread wants of every thread. */
static void obey(Worker *worker) {
  unsigned wanted = check_wanted;
  if (worker->checked != wanted) {
    finish_io(worker);
    check_everything(worker);
    worker->checked = wanted;
  }
  wanted = quiet_wanted;
  if (worker->hushed != wanted) {
    finish_io(worker);
    worker->hushed = wanted;
  }
}

static void *work(void *argument) {
  Worker *worker = argument;
  pthread_barrier_wait(&set_up);
  for (;;) {
    for (int i = 0; i < BURST; i++) {
      operate(worker);
      obey(worker);
    }
    if (pause_us > 0) {
      usleep(pause_us);
    }
  }
  return NULL;
}

/* ---- setting up -------------------------------------------------------------------------------------------------------- */

static Region *add_region(Worker *worker, Kind kind, size_t bytes) {
  Region *region = &worker->regions[worker->region_count++];
  *region = (Region){.kind = kind, .bytes = bytes, .normal_bytes = bytes, .file = -1};
  region->pages = (Page *)map_private((bytes / PAGE + SPARE_PAGES) * sizeof(Page));
  region->in_child = kind == DROP ? WIPED : KEPT;
  return region;
}

static void place(Worker *worker, Region *region) {
  pthread_mutex_lock(&layout);
  char *at = reserve(region->bytes);
  munmap(at, region->bytes);
  region->at = map(region, at);
  pthread_mutex_unlock(&layout);
  fill_region(worker, region);
}

static void add_file(Worker *worker) {
  Region *region = add_region(worker, FILE_PRIVATE, REGION_BYTES);
  region->file_pages = (Stamp *)map_private(REGION_PAGES * sizeof(Stamp));
  region->file = worker->index % 2 == 0 ? nameless_file(disk(), REGION_BYTES) : nameless_file("/dev/shm", REGION_BYTES);
  for (size_t page = 0; page < REGION_PAGES; page += 2) { /* the others are zeros, holes perhaps */
    region->file_pages[page] = new_stamp(&worker->random);
    make_page(worker->buffer, region->file_pages[page]);
    check(pwrite(region->file, worker->buffer, PAGE, (off_t)(page * PAGE)) != PAGE, "pwrite");
  }
  place(worker, region);
}

static void add_object(Worker *worker) {
  Region *region = add_region(worker, OBJECT, REGION_BYTES);
  region->object = (ObjectKind)worker->index;
  if (region->object == MEMFD) {
    region->file = memfd_create("predump-adversary", MFD_CLOEXEC);
    check(region->file < 0 || ftruncate(region->file, REGION_BYTES), "memfd_create");
  } else if (region->object == TMPFS) {
    region->file = nameless_file("/dev/shm", REGION_BYTES);
  } else if (region->object == SYSV) {
    region->segment = shmget(IPC_PRIVATE, REGION_BYTES, 0600);
    check(region->segment < 0, "shmget");
  }
  place(worker, region);
  pthread_mutex_lock(&layout);
  if (region->object == SYSV) {
    region->twin = shmat(region->segment, NULL, 0);
    shmctl(region->segment, IPC_RMID, NULL); /* goes with its last mapping */
  } else {
    region->twin = mremap(region->at, 0, region->bytes, MREMAP_MAYMOVE); /* length 0: a second mapping */
  }
  pthread_mutex_unlock(&layout);
  check(region->twin == MAP_FAILED, "second mapping");
}

static void add_registered(Worker *worker) {
  Region *region = add_region(worker, FIXED_BUFFER, REGION_BYTES);
  place(worker, region);
  region->registered = region->at;
  struct iovec buffer = {region->at, region->bytes};
  check(syscall(SYS_io_uring_register, worker->ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1) < 0, "io_uring_register");
}

static void create(Worker *worker, size_t bytes) {
  size_t left = bytes;
  if (features & HUGE) {
    place(worker, add_region(worker, HUGE_ANON, HUGE_BYTES));
    left -= left < HUGE_BYTES ? left : HUGE_BYTES;
  }
  if (features & FILES) {
    add_file(worker);
  }
  if (features & SHARED) {
    add_object(worker);
  }
  if (features & DROPPABLE) {
    Region *region = add_region(worker, DROP, 64 * PAGE);
    void *probe = mmap(NULL, PAGE, PROT_READ, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) {
      worker->region_count--; /* before Linux 6.11 */
    } else {
      munmap(probe, PAGE);
      place(worker, region);
    }
  }
  if (features & FIXED) {
    add_registered(worker);
  }
  do {
    Region *region = add_region(worker, ANON, REGION_BYTES);
    place(worker, region);
    left -= left < REGION_BYTES ? left : REGION_BYTES;
  } while (left > 0 && worker->region_count < MOST_REGIONS);
}

/* The file everything is read from, the same for all threads. */
static void create_source(Random *random) {
  int file = nameless_file(disk(), SOURCE_PAGES * PAGE);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  for (size_t page = 0; page < SOURCE_PAGES; page++) {
    uint64_t words[WORDS_PER_PAGE];
    source_pages[page] = new_stamp(random);
    make_page(words, source_pages[page]);
    check(pwrite(file, words, PAGE, (off_t)(page * PAGE)) != PAGE, "pwrite");
  }
  check(fsync(file), "fsync");
  for (int i = 0; i < THREADS; i++) {
    workers[i].source = file;
    workers[i].direct = -1;
    check(pipe2(workers[i].pipe, O_CLOEXEC), "pipe");
    if (features & (DIRECT | AIO)) {
      workers[i].direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
      check(workers[i].direct < 0, "O_DIRECT");
    }
    if (features & AIO) {
      check(syscall(SYS_io_setup, 4, &workers[i].aio) != 0, "io_setup");
    }
    if (features & (URING | FIXED)) {
      open_ring(&workers[i].ring);
    }
  }
}

/* Waits until every thread has done what was asked for. */
static void wait_for(unsigned wanted, int checked) {
  for (int i = 0; i < THREADS; i++) {
    while ((checked ? workers[i].checked : workers[i].hushed) != wanted) {
      usleep(500);
    }
  }
}

static void *answer(void *unused) {
  (void)unused;
  char line[64], text[600];
  while (read(STDIN_FILENO, line, sizeof line) > 0) {
    if (line[0] == 'q') {
      quiet = 1;
      wait_for(++quiet_wanted, 0);
      snprintf(text, sizeof text, "quiet\n");
    } else if (line[0] == 'l') {
      quiet = 0;
      snprintf(text, sizeof text, "loud\n");
    } else {
      wait_for(++check_wanted, 1);
      uint64_t done = 0;
      for (int i = 0; i < THREADS; i++) {
        done += workers[i].operations;
      }
      if (complaint->said) {
        snprintf(text, sizeof text, "bad %s\n", complaint->text);
      } else {
        snprintf(text, sizeof text, "ok %lu\n", done);
      }
    }
    check(write(STDOUT_FILENO, text, strlen(text)) < 0, "answer");
  }
  return NULL;
}

int main(int argc, char **argv) {
  const char *text = "adversary SEED FEATURES [MIB=16] [PAUSE_US=300]";
  if (argc < 3 || argc > 5) {
    usage(text);
  }
  uint64_t seed = (uint64_t)number(argv[1], 0, 9e15, text);
  features = (unsigned)number(argv[2], 0, 1 << 20, text);
  size_t bytes = (size_t)(argc > 3 ? number(argv[3], 8, 1 << 16, text) : 16) * MIB;
  pause_us = (useconds_t)(argc > 4 ? number(argv[4], 0, 1e6, text) : 300);

  complaint = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(complaint == MAP_FAILED, "mmap");
  struct sigaction on_crash = {.sa_sigaction = crash, .sa_flags = SA_SIGINFO};
  check(sigaction(SIGSEGV, &on_crash, NULL) || sigaction(SIGBUS, &on_crash, NULL), "sigaction");
  Random random = random_of(seed);
  create_source(&random);
  offer_operations();
  pthread_t thread;
  check(pthread_barrier_init(&set_up, NULL, THREADS), "pthread_barrier_init");
  for (int i = 0; i < THREADS; i++) {
    workers[i].index = i;
    workers[i].random = random_of(seed * THREADS + (uint64_t)i);
    create(&workers[i], bytes / THREADS);
  }
  for (int i = 1; i < THREADS; i++) {
    check(pthread_create(&thread, NULL, work, &workers[i]), "pthread_create");
  }
  check(pthread_create(&thread, NULL, answer, NULL), "pthread_create");
  say("ready");
  work(&workers[0]);
}
