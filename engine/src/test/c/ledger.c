/* ledger KIND [MIB=4]: a process that knows what its memory must hold, and looks.
 *
 * Each worker owns pages of its own and a count of how often it wrote each; what a page holds follows from its number and
 * that count. One step checks a page, counts it on, writes what it now must hold, and checks the next. KIND is
 *
 *   sleep     one thread that mostly sleeps
 *   compute   one thread that never does; of low priority, for it is not alone on the machine
 *   threads   six, a third of them never sleeping
 *   tree      a sleeping process with a child that does the same to its copy of the memory
 *
 * Prints "ready", then the address of its counters, in hex, the number of workers, and the pids. The counters are two
 * words per worker: steps done, and pages found wrong. They lie at the same address in a child. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "target.h"

enum { MOST_WORKERS = 6 };

typedef struct {
  int index, rests;
  size_t pages;
  char *at;
  uint32_t *writes; /* per page */
} Worker;

static volatile long counters[MOST_WORKERS][2];
static Worker workers[MOST_WORKERS];

static Random content(const Worker *worker, size_t page) {
  return random_of((uint64_t)worker->index << 48 ^ page << 24 ^ worker->writes[page]);
}

/* A quarter of the pages holds zeros now and then, as memory does. */
static int is_zero(const Worker *worker, size_t page) { return page % 4 == 0 && worker->writes[page] % 3 == 0; }

static void write_page(const Worker *worker, size_t page) {
  Random random = content(worker, page);
  if (is_zero(worker, page)) {
    memset(worker->at + page * PAGE, 0, PAGE);
  } else {
    fill_text(worker->at + page * PAGE, &random);
  }
}

static int is_right(const Worker *worker, size_t page) {
  static __thread char expected[PAGE];
  Random random = content(worker, page);
  if (is_zero(worker, page)) {
    memset(expected, 0, PAGE);
  } else {
    fill_text(expected, &random);
  }
  return memcmp(expected, worker->at + page * PAGE, PAGE) == 0;
}

static void *work(void *argument) {
  Worker *worker = argument;
  Random choice = random_of((uint64_t)worker->index);
  for (;;) {
    size_t page = below(&choice, worker->pages);
    if (!is_right(worker, page)) {
      counters[worker->index][1]++;
    }
    worker->writes[page]++;
    write_page(worker, page);
    counters[worker->index][0]++;
    if (worker->rests) {
      usleep(500);
    }
  }
  return NULL;
}

static void set_up(int index, int rests, size_t pages) {
  Worker *worker = &workers[index];
  *worker = (Worker){index, rests, pages, map_private(pages * PAGE), (uint32_t *)map_private(pages * sizeof(uint32_t))};
  for (size_t page = 0; page < pages; page++) {
    write_page(worker, page);
  }
}

int main(int argc, char **argv) {
  const char *text = "ledger sleep|compute|threads|tree [MIB=4]";
  if (argc < 2 || argc > 3) {
    usage(text);
  }
  const char *kind = argv[1];
  int computes = !strcmp(kind, "compute"), many = !strcmp(kind, "threads"), tree = !strcmp(kind, "tree");
  if (!computes && !many && !tree && strcmp(kind, "sleep")) {
    usage(text);
  }
  size_t pages = (size_t)number(argc > 2 ? argv[2] : "4", 1, 1 << 16, text) * MIB / PAGE;
  int count = many ? MOST_WORKERS : 1;
  for (int i = 0; i < count; i++) {
    set_up(i, many ? i % 3 : !computes, pages / (size_t)count);
  }
  if (computes || many) {
    setpriority(PRIO_PROCESS, 0, 10);
  }
  sigset_t some;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR2);
  sigaddset(&some, 40);
  sigprocmask(SIG_BLOCK, &some, NULL);
  pid_t root = getpid(), child = 0;
  if (tree) {
    child = fork();
    if (child < 0) {
      die("fork");
    }
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != root) {
        _exit(1);
      }
    }
  }
  for (int i = 1; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &workers[i])) {
      die("pthread_create");
    }
  }
  if (getpid() == root) {
    say("ready");
    printf(tree ? "%lx %d %d %d\n" : "%lx %d %d\n", (unsigned long)counters, count, root, child);
    fflush(stdout);
  }
  work(&workers[0]);
}
