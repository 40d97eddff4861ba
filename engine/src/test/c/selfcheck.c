/* A program that notices when its memory is not what it left there. usage: selfcheck MIB [quiet] [ring] [unguarded]
 *
 * One thread writes random numbers to random places of anonymous memory and keeps their sum; with "quiet" it writes once and
 * then rests. It also keeps a page of its own program's file that it has overwritten with zeros, shared memory, guard pages
 * where the kernel knows them (none with "unguarded"), and with "ring" a ring for asynchronous reads. It answers "check" by "right", or by "wrong" and
 * what is, "count" by how often it has written, and "ring" by the ring's address. */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>

#include "target.h"

enum { GUARD_INSTALL = 102, EVERY = 64, GUARDED_FROM = 16, GUARDED = 4, AREA = 64, SHARED = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t *words;
static size_t count;
static uint64_t sum, writes;
static Random random_state = {88172645463325252u};
static unsigned char *zeroed, *guarded, *shared;
static int has_guards, has_ring, self;
static aio_context_t ring;
static sigjmp_buf back;

static void *writer(void *unused) {
  (void)unused;
  for (;;) {
    pthread_mutex_lock(&lock);
    for (int k = 0; k < 200; k++) {
      uint64_t value = next(&random_state);
      size_t at = value % (count / EVERY) * EVERY;
      sum += value - words[at];
      words[at] = value;
    }
    writes++;
    pthread_mutex_unlock(&lock);
    usleep(500);
  }
  return NULL;
}

static void on_fault(int signal) {
  (void)signal;
  siglongjmp(back, 1);
}

static int faults(volatile unsigned char *at) {
  if (sigsetjmp(back, 1)) return 1;
  (void)*at;
  return 0;
}

/* Whether the ring still brings what it is asked for: the first bytes of the program's own file. */
static int reads_by_ring(void) {
  char bytes[4] = {0};
  struct iocb block = {.aio_lio_opcode = IOCB_CMD_PREAD,
                       .aio_fildes = (uint32_t)self,
                       .aio_buf = (uintptr_t)bytes,
                       .aio_nbytes = sizeof bytes};
  struct iocb *blocks[] = {&block};
  struct io_event event;
  return syscall(SYS_io_submit, ring, 1L, blocks) == 1 && syscall(SYS_io_getevents, ring, 1L, 1L, &event, NULL) == 1 &&
         !memcmp(bytes, "\177ELF", sizeof bytes);
}

static const char *check(void) {
  uint64_t found = 0;
  for (size_t i = 0; i < count; i += EVERY) found += words[i];
  if (found != sum) return "wrong: sum";
  for (int i = 0; i < PAGE; i++)
    if (zeroed[i]) return "wrong: page of a file";
  for (int page = 0; page < SHARED; page++)
    if (shared[page * PAGE] != page + 1) return "wrong: shared memory";
  if (has_ring && !reads_by_ring()) return "wrong: ring";
  for (int page = 0; page < AREA; page++) {
    int is_guard = has_guards && page >= GUARDED_FROM && page < GUARDED_FROM + GUARDED;
    if (faults(guarded + page * PAGE) != is_guard) return "wrong: guard";
    if (!is_guard && guarded[page * PAGE] != page + 1) return "wrong: beside the guards";
  }
  return "right";
}

static int has(char **arguments, const char *word) {
  for (; *arguments; arguments++)
    if (!strcmp(*arguments, word)) return 1;
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) usage("selfcheck MIB [quiet] [ring] [unguarded]");
  size_t bytes = (size_t)atoi(argv[1]) * MIB;
  count = bytes / sizeof *words;
  words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  guarded = mmap(NULL, AREA * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  shared = mmap(NULL, SHARED * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  self = open("/proc/self/exe", O_RDONLY);
  zeroed = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self, 0);
  if (words == MAP_FAILED || guarded == MAP_FAILED || zeroed == MAP_FAILED || shared == MAP_FAILED)
    die("mmap");
  for (size_t i = 0; i < count; i += EVERY) sum += words[i] = next(&random_state);
  memset(zeroed, 0, PAGE);
  for (int page = 0; page < AREA; page++) guarded[page * PAGE] = page + 1;
  for (int page = 0; page < SHARED; page++) shared[page * PAGE] = page + 1;
  has_ring = has(argv, "ring");
  if (has_ring && syscall(SYS_io_setup, 4L, &ring)) die("io_setup");
  has_guards = !has(argv, "unguarded") && !madvise(guarded + GUARDED_FROM * PAGE, GUARDED * PAGE, GUARD_INSTALL);
  signal(SIGSEGV, on_fault);
  pthread_t thread;
  if (!has(argv, "quiet") && pthread_create(&thread, NULL, writer, NULL)) die("pthread_create");
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("ready");
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    pthread_mutex_lock(&lock);
    if (line[1] == 'h')
      puts(check());
    else if (line[0] == 'r')
      printf("%llx\n", (unsigned long long)ring);
    else
      printf("%llu\n", (unsigned long long)writes);
    pthread_mutex_unlock(&lock);
  }
  return 0;
}
