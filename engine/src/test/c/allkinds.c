/* allkinds: one mapping of every kind that a process can have, each with its address.
 *
 * It prints a line "NAME ADDRESS PAGES" for each (hex, and how many of its pages have content of their own), or "NAME
 * lacking" where the kernel or the machine has none, and at last "ready". Each line of input rewrites whatever can be
 * written and is answered by "done". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "target.h"

enum { PAGES = 8, HUGE = 2 << 20, LARGE_FILE = 64 << 20, MOST = 64, DROPPABLE = 0x08, GUARD_INSTALL = 102 };

static char *writable[MOST];
static size_t writable_bytes[MOST];
static int writable_count;
static Random generator;

static void print(const char *name, const void *at, unsigned long pages) {
  printf("%s %lx %lu\n", name, (unsigned long)at, pages);
}

static void lacking(const char *name) { printf("%s lacking\n", name); }

static void fill(char *at, size_t bytes) {
  for (size_t i = 0; i < bytes; i += PAGE) {
    fill_text(at + i, &generator);
  }
}

/* Whatever is written once is written again at each line of input. */
static void keep(const char *name, char *at, size_t bytes, unsigned long pages) {
  fill(at, bytes);
  writable[writable_count] = at;
  writable_bytes[writable_count++] = bytes;
  print(name, at, pages);
}

/* Memory with unusable pages around it, so that no neighbour is merged with it. */
static char *map(size_t bytes, int protection, int flags, int file) {
  char *whole = mmap(NULL, bytes + 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) {
    die("mmap");
  }
  char *at = (char *)(((uintptr_t)whole + HUGE) & ~(uintptr_t)(HUGE - 1));
  return mmap(at, bytes, protection, flags | MAP_FIXED, file, 0);
}

static char *anonymous(size_t bytes, int more) {
  char *at = map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more, -1);
  if (at == MAP_FAILED) {
    die("mmap");
  }
  return at;
}

static void advised(const char *name, int advice) {
  char *at = anonymous(PAGES * PAGE, 0);
  if (madvise(at, PAGES * PAGE, advice)) {
    lacking(name);
    return;
  }
  keep(name, at, PAGES * PAGE, PAGES);
}

static void protected(const char *name, int protection) {
  char *at = anonymous(PAGES * PAGE, 0);
  fill(at, PAGES * PAGE);
  if (mprotect(at, PAGES * PAGE, protection)) {
    die("mprotect");
  }
  print(name, at, PAGES);
}

static int nameless(const char *directory, size_t bytes) {
  char path[300];
  snprintf(path, sizeof path, "%s/predump-allkinds-XXXXXX", directory);
  int file = mkostemp(path, O_CLOEXEC);
  char page[PAGE];
  unlink(path);
  for (size_t at = 0; at < bytes; at += PAGE) {
    fill_text(page, &generator);
    if (file < 0 || write(file, page, PAGE) != PAGE) {
      die(path);
    }
  }
  return file;
}

static void mapped(const char *name, size_t bytes, int flags, int file, unsigned long pages) {
  char *at = file < 0 && !(flags & MAP_ANONYMOUS) ? MAP_FAILED : map(bytes, PROT_READ | PROT_WRITE, flags, file);
  if (at == MAP_FAILED) {
    lacking(name);
    return;
  }
  keep(name, at, pages * PAGE, pages);
}

static void private_memory(void) {
  keep("anonymous", anonymous(PAGES * PAGE, 0), PAGES * PAGE, PAGES);
  protected("readonly", PROT_READ);
  protected("none", PROT_NONE);
  protected("executable", PROT_READ | PROT_EXEC);
  keep("noreserve", anonymous(PAGES * PAGE, MAP_NORESERVE), PAGES * PAGE, PAGES);
  keep("growsdown", anonymous(PAGES * PAGE, MAP_GROWSDOWN), PAGES * PAGE, PAGES);
  keep("locked", anonymous(PAGES * PAGE, MAP_LOCKED), PAGES * PAGE, PAGES);
  advised("wipeonfork", MADV_WIPEONFORK);
  advised("dontfork", MADV_DONTFORK);
  advised("dontdump", MADV_DONTDUMP);
  advised("mergeable", MADV_MERGEABLE);
  char *huge = anonymous(HUGE, 0);
  madvise(huge, HUGE, MADV_HUGEPAGE);
  keep("thp", huge, HUGE, HUGE / PAGE);
  char *guarded = anonymous(PAGES * PAGE, 0);
  fill(guarded, PAGES * PAGE);
  if (madvise(guarded, PAGE, GUARD_INSTALL)) {
    lacking("guarded");
  } else {
    print("guarded", guarded, PAGES - 1);
  }
  char *heap = sbrk(PAGES * PAGE);
  keep("heap", (char *)(((uintptr_t)heap + PAGE - 1) & ~(uintptr_t)(PAGE - 1)), (PAGES - 1) * PAGE, PAGES - 1);
  char *dropped = map(PAGES * PAGE, PROT_READ | PROT_WRITE, DROPPABLE | MAP_ANONYMOUS, -1);
  if (dropped == MAP_FAILED) {
    lacking("droppable");
  } else {
    keep("droppable", dropped, PAGES * PAGE, PAGES);
  }
}

static void own_userfaultfd(void) {
  int file = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);
  struct uffdio_api api = {.api = UFFD_API};
  char *at = anonymous(PAGES * PAGE, 0);
  fill(at, PAGES * PAGE);
  struct uffdio_register range = {{(uintptr_t)at, PAGES * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
  if (file < 0 || ioctl(file, UFFDIO_API, &api) || ioctl(file, UFFDIO_REGISTER, &range)) {
    lacking("userfaultfd");
    return;
  }
  keep("userfaultfd", at, PAGES * PAGE, PAGES);
}

static void files_and_shared_memory(void) {
  mapped("file", PAGES * PAGE, MAP_PRIVATE, nameless("/tmp", PAGES * PAGE), PAGES / 2);
  mapped("largefile", LARGE_FILE, MAP_PRIVATE, nameless("/tmp", LARGE_FILE), PAGES);
  mapped("sharedfile", PAGES * PAGE, MAP_SHARED, nameless("/tmp", PAGES * PAGE), PAGES);
  mapped("shared", PAGES * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1, PAGES);
  int memory = memfd_create("allkinds", MFD_CLOEXEC);
  if (ftruncate(memory, PAGES * PAGE)) {
    die("ftruncate");
  }
  mapped("memfd", PAGES * PAGE, MAP_SHARED, memory, PAGES);
  mapped("memfdprivate", PAGES * PAGE, MAP_PRIVATE, memory, PAGES);
  mapped("tmpfs", PAGES * PAGE, MAP_SHARED, nameless("/dev/shm", PAGES * PAGE), PAGES);
  int segment = shmget(IPC_PRIVATE, PAGES * PAGE, IPC_CREAT | 0600);
  char *attached = shmat(segment, NULL, 0);
  shmctl(segment, IPC_RMID, NULL);
  keep("sysv", attached, PAGES * PAGE, PAGES);
  mapped("hugetlb", HUGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, HUGE / PAGE);
  mapped("hugetlbshared", HUGE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, HUGE / PAGE);
}

static void of_the_kernel(void) {
  int secret = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
  if (secret >= 0 && ftruncate(secret, PAGES * PAGE)) {
    die("ftruncate");
  }
  mapped("secret", PAGES * PAGE, MAP_SHARED, secret, PAGES);
  struct io_uring_params parameters = {0};
  int ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);
  void *queues = ring < 0 ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  if (queues == MAP_FAILED) {
    lacking("iouring");
  } else {
    print("iouring", queues, 0);
  }
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 8, &context)) {
    lacking("aio");
  } else {
    (void)*(volatile char *)context; /* mapped page by page, as it is looked at */
    print("aio", (void *)context, 1);
  }
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_DUMMY};
  int perf = (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, 0);
  void *pages = perf < 0 ? MAP_FAILED : mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, perf, 0);
  if (pages == MAP_FAILED) {
    lacking("perf");
  } else {
    print("perf", pages, 0);
  }
  print("vdso", (void *)getauxval(AT_SYSINFO_EHDR), 1);
}

static void *threads_stack(void *name) {
  volatile char here[PAGE];
  here[0] = 1;
  print(name, (void *)here, 1);
  fflush(stdout);
  pause();
  return NULL;
}

int main(void) {
  static volatile char data[PAGE * 2];
  volatile char here = 1;
  generator = random_of(12);
  private_memory();
  own_userfaultfd();
  files_and_shared_memory();
  of_the_kernel();
  data[PAGE] = 1;
  print("stack", (void *)&here, 1);
  print("bss", (void *)&data[PAGE], 1);
  print("text", (void *)(uintptr_t)&main, 0);
  fflush(stdout);
  pthread_t thread;
  pthread_create(&thread, NULL, threads_stack, "threadstack");
  sleep(1);
  const char *answer = "ready";
  char line[64];
  do {
    say(answer);
    answer = "done";
    if (!fgets(line, sizeof line, stdin)) {
      return 0;
    }
    for (int i = 0; i < writable_count; i++) {
      fill(writable[i], writable_bytes[i]);
    }
  } while (1);
}
