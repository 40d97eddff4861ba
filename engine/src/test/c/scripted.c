/* scripted: memory that does what it is told, one line of input at a time; each line is answered by one line.
 *
 *   map NAME KIND PAGES   maps memory and answers its address in hex. KIND: anon, thp (huge pages asked for, 2 MiB
 *                         aligned), file (private, of a file of text), memfd (shared, mapped a second time as its twin),
 *                         tmpfs (as memfd, of a file on /dev/shm), shared (anonymous), hugetlb (private)
 *   fill NAME SEED        writes text to every page               lower NAME SEED   to the first half of them
 *   twin NAME SEED        the same through the second mapping     pwrite NAME SEED  the same by pwrite(2) on the object
 *   punch NAME            cuts a hole of the second half out of the object
 *   cut NAME              truncates the object to half its size
 *   drop NAME             MADV_DONTNEED on all pages              read NAME         reads a byte of every page
 *   guard NAME            makes guard pages of the first quarter
 *   renew NAME SEED       maps new memory over the second half and writes text to it
 *   fork                  a child that does nothing; answers its pid
 *   child NAME SEED       a child that writes text to every page once, and stays
 *   outsider NAME         a child that writes to this process's memory from outside, over and over, by process_vm_writev
 *   register NAME         makes the pages an io_uring's fixed buffer
 *   fixed NAME            reads from the file of text into the fixed buffer, through that io_uring
 *   unlist                closes the io_uring's descriptor; it lives on by its mappings
 *   direct NAME PATH      a thread begins to read PATH into the pages with O_DIRECT; answers at once
 *   wait                  until that read is done
 *   open PATH             opens PATH and keeps it open
 *   xdp                   opens an AF_XDP socket
 *   sum NAME              a checksum of the pages, read by the processor
 *
 * The answer is "done" where nothing else is said, and "lacking: WHY" if the kernel cannot. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "target.h"

enum { GUARD_INSTALL = 102 /* Linux 6.13 */, MOST = 16, HUGE = 2 << 20, SOURCE_PAGES = 4096 };

typedef struct {
  char name[32], kind[16];
  char *at, *twin;
  size_t pages;
  int file;
} Region;

static Region regions[MOST];
static int region_count;
static int source = -1, ring = -1;
static struct io_uring_params ring_params;
static char *ring_queues;
static struct io_uring_sqe *ring_entries;
static pthread_t reader;
static char reader_path[256];
static Region *reader_region;
static long reader_result;

static Region *region(const char *name) {
  for (int i = 0; i < region_count; i++) {
    if (!strcmp(regions[i].name, name)) {
      return &regions[i];
    }
  }
  fprintf(stderr, "no region %s\n", name);
  exit(2);
}

static void done(void) { say("done"); }

static void lacking(const char *what) {
  printf("lacking: %s: %s\n", what, strerror(errno));
  fflush(stdout);
}

/* ---- mapping ------------------------------------------------------------------------------------------------------ */

static int nameless(const char *directory, size_t pages, int text) {
  char path[300], page[PAGE];
  snprintf(path, sizeof path, "%s/predump-scripted-XXXXXX", directory);
  int file = mkostemp(path, O_CLOEXEC);
  if (file < 0) {
    die(path);
  }
  unlink(path);
  Random random = random_of(99);
  for (size_t i = 0; text && i < pages; i++) {
    fill_text(page, &random);
    if (pwrite(file, page, PAGE, (off_t)(i * PAGE)) != PAGE) {
      die("pwrite");
    }
  }
  if (!text && ftruncate(file, (off_t)(pages * PAGE))) {
    die("ftruncate");
  }
  return file;
}

/* A place with unusable pages around it, so that no neighbour is merged with what is mapped there. */
static char *place(size_t bytes) {
  size_t whole = bytes + 2 * HUGE;
  char *at = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    die("mmap");
  }
  return (char *)(((uintptr_t)at + HUGE) & ~(uintptr_t)(HUGE - 1));
}

static void map_region(const char *name, const char *kind, size_t pages) {
  Region *r = &regions[region_count++];
  snprintf(r->name, sizeof r->name, "%s", name);
  snprintf(r->kind, sizeof r->kind, "%s", kind);
  r->pages = pages;
  r->file = -1;
  size_t bytes = pages * PAGE;
  int flags = MAP_PRIVATE;
  if (!strcmp(kind, "file")) {
    r->file = nameless("/tmp", pages, 1);
  } else if (!strcmp(kind, "memfd")) {
    r->file = memfd_create("scripted", MFD_CLOEXEC);
    flags = MAP_SHARED;
    if (r->file < 0 || ftruncate(r->file, (off_t)bytes)) {
      die("memfd_create");
    }
  } else if (!strcmp(kind, "tmpfs")) {
    r->file = nameless("/dev/shm", pages, 0);
    flags = MAP_SHARED;
  } else {
    flags = MAP_ANONYMOUS | (strcmp(kind, "shared") ? MAP_PRIVATE : MAP_SHARED);
    flags |= strcmp(kind, "hugetlb") ? 0 : MAP_HUGETLB;
  }
  char *at = place(bytes);
  r->at = mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, r->file, 0);
  if (r->at == MAP_FAILED) {
    lacking("mmap");
    region_count--;
    return;
  }
  if (flags == MAP_SHARED) {
    r->twin = mmap(place(bytes), bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, r->file, 0);
    if (r->twin == MAP_FAILED) {
      die("mmap");
    }
  }
  if (!strcmp(kind, "thp") && madvise(r->at, bytes, MADV_HUGEPAGE)) {
    lacking("madvise");
    return;
  }
  printf("%lx\n", (unsigned long)r->at);
  fflush(stdout);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void fill(char *at, size_t pages, unsigned long seed) {
  Random random = random_of(seed);
  for (size_t i = 0; i < pages; i++) {
    fill_text(at + i * PAGE, &random);
  }
}

static void write_to_object(Region *r, unsigned long seed) {
  Random random = random_of(seed);
  char page[PAGE];
  for (size_t i = 0; i < r->pages; i++) {
    fill_text(page, &random);
    if (pwrite(r->file, page, PAGE, (off_t)(i * PAGE)) != PAGE) {
      die("pwrite");
    }
  }
}

static void renew(Region *r, unsigned long seed) {
  size_t half = r->pages / 2;
  char *at = r->at + half * PAGE;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  if (mmap(at, (r->pages - half) * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) != at) {
    die("mmap");
  }
  fill(at, r->pages - half, seed);
}

static unsigned long sum(Region *r) {
  unsigned long total = 0;
  for (size_t i = 0; i < r->pages * WORDS_PER_PAGE; i++) {
    total = total * 31 + ((volatile uint64_t *)r->at)[i];
  }
  return total;
}

/* ---- children ----------------------------------------------------------------------------------------------------- */

/* Runs in the child, with the pid of its parent and the region; NULL: nothing. */
static void child(void (*work)(pid_t, Region *, unsigned long), Region *r, unsigned long seed) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC)) {
    die("pipe2");
  }
  pid_t parent = getpid(), pid = fork();
  if (pid < 0) {
    die("fork");
  }
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (work != NULL) {
      work(parent, r, seed);
    }
    (void)!write(ready[1], "", 1);
    for (;;) {
      if (work == NULL || seed != 0) {
        pause();
      } else {
        work(parent, r, seed);
      }
    }
  }
  char byte;
  (void)!read(ready[0], &byte, 1);
  close(ready[0]);
  close(ready[1]);
  printf("%d\n", (int)pid);
  fflush(stdout);
}

static void write_once(pid_t parent, Region *r, unsigned long seed) {
  (void)parent;
  fill(r->at, r->pages, seed);
}

/* Writes a new number into each page of the parent. */
static void write_outside(pid_t parent, Region *r, unsigned long seed) {
  static uint64_t number;
  (void)seed;
  for (size_t i = 0; i < r->pages; i++) {
    number++;
    struct iovec here = {&number, sizeof number}, there = {r->at + i * PAGE + 64, sizeof number};
    if (process_vm_writev(parent, &here, 1, &there, 1, 0) < 0) {
      die("process_vm_writev");
    }
  }
}

/* ---- io_uring ------------------------------------------------------------------------------------------------------ */

static void register_buffer(Region *r) {
  ring = (int)syscall(SYS_io_uring_setup, 4, &ring_params);
  if (ring < 0) {
    lacking("io_uring_setup");
    return;
  }
  size_t bytes = ring_params.sq_off.array + ring_params.sq_entries * sizeof(uint32_t);
  size_t others = ring_params.cq_off.cqes + ring_params.cq_entries * sizeof(struct io_uring_cqe);
  ring_queues = mmap(NULL, bytes > others ? bytes : others, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
                     IORING_OFF_SQ_RING);
  ring_entries = mmap(NULL, ring_params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
  struct iovec buffer = {r->at, r->pages * PAGE};
  if (ring_queues == MAP_FAILED || ring_entries == MAP_FAILED ||
      syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1) < 0) {
    lacking("io_uring_register");
    return;
  }
  done();
}

static void read_fixed(Region *r) {
  if (source < 0) {
    source = nameless("/tmp", SOURCE_PAGES, 1);
  }
  _Atomic uint32_t *tail = (_Atomic uint32_t *)(ring_queues + ring_params.sq_off.tail);
  uint32_t *array = (uint32_t *)(ring_queues + ring_params.sq_off.array);
  uint32_t mask = *(uint32_t *)(ring_queues + ring_params.sq_off.ring_mask);
  uint32_t at = atomic_load(tail);
  struct io_uring_sqe *entry = &ring_entries[at & mask];
  memset(entry, 0, sizeof *entry);
  entry->opcode = IORING_OP_READ_FIXED;
  entry->fd = source;
  entry->addr = (uint64_t)r->at;
  entry->len = (uint32_t)(r->pages * PAGE);
  entry->off = PAGE; /* not what a file mapping of the same pages would show */
  array[at & mask] = at & mask;
  atomic_store(tail, at + 1);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
    die("io_uring_enter");
  }
  _Atomic uint32_t *head = (_Atomic uint32_t *)(ring_queues + ring_params.cq_off.head);
  struct io_uring_cqe *completions = (struct io_uring_cqe *)(ring_queues + ring_params.cq_off.cqes);
  uint32_t completion_mask = *(uint32_t *)(ring_queues + ring_params.cq_off.ring_mask);
  uint32_t first = atomic_load(head);
  int result = completions[first & completion_mask].res;
  atomic_store(head, first + 1);
  if (result != (int)(r->pages * PAGE)) {
    fprintf(stderr, "READ_FIXED answers %d\n", result);
    exit(1);
  }
  done();
}

/* ---- O_DIRECT ------------------------------------------------------------------------------------------------------ */

static void *read_direct(void *nothing) {
  (void)nothing;
  int file = open(reader_path, O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (file < 0) {
    die(reader_path);
  }
  reader_result = pread(file, reader_region->at, reader_region->pages * PAGE, 0);
  close(file);
  return NULL;
}

static void begin_direct(Region *r, const char *path) {
  reader_region = r;
  snprintf(reader_path, sizeof reader_path, "%s", path);
  if (pthread_create(&reader, NULL, read_direct, NULL)) {
    die("pthread_create");
  }
  done();
}

static void await_direct(void) {
  pthread_join(reader, NULL);
  if (reader_result != (long)(reader_region->pages * PAGE)) {
    fprintf(stderr, "%s: pread answers %ld\n", reader_path, reader_result);
    exit(1);
  }
  done();
}

/* ---- the script ---------------------------------------------------------------------------------------------------- */

static void touch(Region *r) {
  for (size_t i = 0; i < r->pages; i++) {
    (void)*(volatile char *)(r->at + i * PAGE);
  }
  done();
}

static void answer(int failed, const char *what) {
  if (failed) {
    lacking(what);
  } else {
    done();
  }
}

static void obey(const char *verb, const char *name, const char *third, unsigned long number) {
  if (!strcmp(verb, "map")) {
    map_region(name, third, number);
    return;
  }
  if (!strcmp(verb, "fork")) {
    child(NULL, NULL, 0);
    return;
  }
  if (!strcmp(verb, "wait")) {
    await_direct();
    return;
  }
  if (!strcmp(verb, "unlist")) {
    answer(close(ring), "close");
    return;
  }
  if (!strcmp(verb, "xdp")) {
    answer(socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0) < 0, "socket");
    return;
  }
  if (!strcmp(verb, "open")) {
    answer(open(name, O_RDWR | O_CLOEXEC) < 0, name);
    return;
  }
  Region *r = region(name);
  unsigned long seed = strtoul(third, NULL, 0);
  size_t bytes = r->pages * PAGE, half = bytes / 2;
  if (!strcmp(verb, "fill")) {
    fill(r->at, r->pages, seed);
    done();
  } else if (!strcmp(verb, "lower")) {
    fill(r->at, r->pages / 2, seed);
    done();
  } else if (!strcmp(verb, "twin")) {
    fill(r->twin, r->pages, seed);
    done();
  } else if (!strcmp(verb, "pwrite")) {
    write_to_object(r, seed);
    done();
  } else if (!strcmp(verb, "punch")) {
    answer(fallocate(r->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)half, (off_t)half), "fallocate");
  } else if (!strcmp(verb, "cut")) {
    answer(ftruncate(r->file, (off_t)half), "ftruncate");
  } else if (!strcmp(verb, "drop")) {
    answer(madvise(r->at, bytes, MADV_DONTNEED), "madvise");
  } else if (!strcmp(verb, "read")) {
    touch(r);
  } else if (!strcmp(verb, "guard")) {
    answer(madvise(r->at, bytes / 4, GUARD_INSTALL), "madvise");
  } else if (!strcmp(verb, "renew")) {
    renew(r, seed);
    done();
  } else if (!strcmp(verb, "child")) {
    child(write_once, r, seed);
  } else if (!strcmp(verb, "outsider")) {
    child(write_outside, r, 0);
  } else if (!strcmp(verb, "register")) {
    register_buffer(r);
  } else if (!strcmp(verb, "fixed")) {
    read_fixed(r);
  } else if (!strcmp(verb, "direct")) {
    begin_direct(r, third);
  } else if (!strcmp(verb, "sum")) {
    printf("%lx\n", sum(r));
    fflush(stdout);
  } else {
    fprintf(stderr, "what is %s?\n", verb);
    exit(2);
  }
}

int main(void) {
  char line[512];
  say("ready");
  while (fgets(line, sizeof line, stdin)) {
    char verb[32] = "", name[256] = "", third[256] = "";
    unsigned long number = 0;
    if (sscanf(line, "%31s %255s %255s %lu", verb, name, third, &number) < 1) {
      continue;
    }
    obey(verb, name, third, number);
  }
  return 0;
}
