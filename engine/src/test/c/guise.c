/* guise KIND: a process of a kind that is awkward to copy, and that checks itself.
 *
 * Workers rewrite pages of their own, all words of a page the same number, and look before that the page still holds what
 * they wrote last. A line of input is answered by "ok STEPS FAULTS": how often pages were rewritten, and how many faults
 * the process has handled itself; or by "bad" if a page was not as it had been left. SIGUSR1 and SIGUSR2 are blocked and
 * pending, for the main thread and for the process.
 *
 *   plain         one thread
 *   threads       and 100 more
 *   churn         and 4 that have one short-lived thread after the other
 *   vfork         the main thread waits for its vfork child, which works in the same memory
 *   vfork-later   the same, from SIGHUP on
 *   dead-leader   the main thread has ended, another works
 *   dying-leader  the same, from SIGHUP on
 *   strict        seccomp: only read, write, exit
 *   errno trap kill   seccomp filters against userfaultfd, with that consequence
 *   undumpable    not dumpable, no new privileges
 *   missing       half of its memory are holes of a userfaultfd of its own
 *   protected     its memory is write-protected by a userfaultfd of its own, again and again */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "target.h"

enum { PAGES = 512, THREADS = 100, MOTHERS = 4, MOST_WORKERS = 128 };

typedef struct {
  uint64_t (*pages)[WORDS_PER_PAGE];
  int page_count;
  uint64_t steps;
} Worker;

static Worker workers[MOST_WORKERS];
static volatile int bad;
static volatile uint64_t faults;
static int uffd = -1;

static Worker *hire(int number, int page_count) {
  workers[number] = (Worker){(void *)map_private((size_t)page_count * PAGE), page_count, 0};
  return &workers[number];
}

static void work(Worker *worker) {
  uint64_t *page = worker->pages[worker->steps * 7 % (uint64_t)worker->page_count];
  uint64_t last = page[0];
  for (int i = 0; i < WORDS_PER_PAGE; i++) {
    if (page[i] != last) {
      bad = 1;
    }
    page[i] = last + 1;
  }
  __atomic_add_fetch(&worker->steps, 1, __ATOMIC_RELAXED);
}

static void *work_always(void *worker) {
  for (;;) {
    work(worker);
    usleep(1000);
  }
  return NULL;
}

static void *work_a_little(void *worker) {
  for (int i = 0; i < 20; i++) {
    work(worker);
  }
  return NULL;
}

static void *have_threads(void *worker) {
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work_a_little, worker) == 0) {
      pthread_join(thread, NULL);
    }
  }
  return NULL;
}

static void start(void *(*run)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, argument)) {
    die("pthread_create");
  }
}

/* Only read and write: that is all seccomp's strict mode leaves. */
static void answer(void) {
  char line[64];
  if (read(0, line, sizeof line) <= 0) {
    return;
  }
  uint64_t steps = 0;
  for (int i = 0; i < MOST_WORKERS; i++) {
    steps += workers[i].steps;
  }
  int length = bad ? snprintf(line, sizeof line, "bad\n")
                   : snprintf(line, sizeof line, "ok %lu %lu\n", (unsigned long)steps, (unsigned long)faults);
  if (write(1, line, (size_t)length) != length) {
    bad = 1;
  }
}

static int strict;

static void protect(Worker *worker) {
  struct uffdio_writeprotect all = {{(uintptr_t)worker->pages, (uint64_t)worker->page_count * PAGE},
                                    UFFDIO_WRITEPROTECT_MODE_WP};
  if (ioctl(uffd, UFFDIO_WRITEPROTECT, &all)) {
    die("UFFDIO_WRITEPROTECT");
  }
}

static void *serve(void *argument) {
  Worker *worker = argument;
  for (;;) {
    work(worker);
    answer();
    if (!strict) {
      usleep(500);
    }
    if (uffd >= 0 && worker->steps % 64 == 0 && worker->page_count == PAGES) {
      protect(worker);
    }
  }
  return NULL;
}

static void filter(unsigned action) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    die("seccomp");
  }
}

static void *handle_faults(void *argument) {
  static char fresh[PAGE] __attribute__((aligned(PAGE)));
  (void)argument;
  for (;;) {
    struct uffd_msg message;
    if (read(uffd, &message, sizeof message) != sizeof message) {
      continue;
    }
    uint64_t page = message.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
    faults++;
    if (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
      struct uffdio_writeprotect one = {{page, PAGE}, 0};
      ioctl(uffd, UFFDIO_WRITEPROTECT, &one);
    } else {
      struct uffdio_copy one = {page, (uintptr_t)fresh, PAGE, 0, 0};
      ioctl(uffd, UFFDIO_COPY, &one);
    }
  }
  return NULL;
}

static void watch(void *start_address, uint64_t mode) {
  uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register range = {{(uintptr_t)start_address, (uint64_t)PAGES * PAGE}, mode, 0};
  if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range)) {
    die("userfaultfd");
  }
  start(handle_faults, NULL);
}

static volatile sig_atomic_t told;

static void go_on(int signal) { told = signal; }

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "";
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGUSR2);
  if (sigprocmask(SIG_BLOCK, &blocked, NULL) || raise(SIGUSR1) || kill(getpid(), SIGUSR2) ||
      fcntl(0, F_SETFL, O_NONBLOCK)) {
    die("signals");
  }
  Worker *own = hire(0, PAGES);
  if (!strcmp(kind, "threads")) {
    for (int i = 1; i <= THREADS; i++) {
      start(work_always, hire(i, 16));
    }
  } else if (!strcmp(kind, "churn")) {
    for (int i = 1; i <= MOTHERS; i++) {
      start(have_threads, hire(i, 16));
    }
  } else if (!strcmp(kind, "vfork") || !strcmp(kind, "vfork-later")) {
    Worker *child = hire(1, PAGES);
    signal(SIGHUP, go_on);
    start(serve, own);
    say("ready");
    while (!told && strcmp(kind, "vfork")) {
      usleep(1000);
    }
    if (vfork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      work_always(child);
    }
    die("vfork");
  } else if (!strcmp(kind, "dead-leader") || !strcmp(kind, "dying-leader")) {
    signal(SIGHUP, go_on);
    start(serve, own);
    start(work_always, hire(1, PAGES));
    say("ready");
    while (!told && strcmp(kind, "dead-leader")) {
      usleep(1000);
    }
    pthread_exit(NULL);
  } else if (!strcmp(kind, "undumpable")) {
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
      die("prctl");
    }
  } else if (!strcmp(kind, "missing")) {
    watch(own->pages, UFFDIO_REGISTER_MODE_MISSING);
    own->page_count = PAGES / 2;
  } else if (!strcmp(kind, "protected")) {
    memset(own->pages, 0, (size_t)PAGES * PAGE);
    watch(own->pages, UFFDIO_REGISTER_MODE_WP);
  }
  say("ready");
  if (!strcmp(kind, "errno")) {
    filter(SECCOMP_RET_ERRNO | EPERM);
  } else if (!strcmp(kind, "trap")) {
    filter(SECCOMP_RET_TRAP);
  } else if (!strcmp(kind, "kill")) {
    filter(SECCOMP_RET_KILL_PROCESS);
  } else if (!strcmp(kind, "strict")) {
    strict = 1;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) {
      die("seccomp");
    }
  }
  serve(own);
}
