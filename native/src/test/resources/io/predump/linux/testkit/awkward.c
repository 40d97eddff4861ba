/* Targets that are awkward to stop, by name: what they were told by the kernel goes to stdout. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile long counters[4096];
static volatile long total;

static long millis(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* result, errno, elapsed milliseconds */
static void report(long start, long result) {
  printf("%ld %d %ld\n", result, result < 0 ? errno : 0, millis() - start);
}

static void *count(void *arg) {
  volatile long *mine = arg;
  while (1) (*mine)++;
  return 0;
}

static void *count_slowly(void *arg) {
  volatile long *mine = arg;
  while (1) {
    (*mine)++;
    usleep(1000);
  }
  return 0;
}

static void *short_life(void *arg) {
  (void)arg;
  for (int i = 0; i < 1000; i++) __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
  return 0;
}

static void *bear(void *arg) {
  (void)arg;
  while (1) {
    pthread_t child;
    __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
    if (!pthread_create(&child, 0, short_life, 0)) pthread_join(child, 0);
  }
  return 0;
}

/* Maps, writes and unmaps, so that it is mostly in the kernel with its memory map locked. */
static void *remap(void *arg) {
  volatile long *mine = arg;
  while (1) {
    char *at = mmap(0, 64 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) exit(5);
    for (int i = 0; i < 64; i++) at[i << 12] = 1;
    munmap(at, 64 << 12);
    (*mine)++;
  }
  return 0;
}

/* Has children that count in memory they share, each for a moment; so do theirs. */
static void have_children(volatile long *shared) {
  signal(SIGCHLD, SIG_IGN);
  while (1) {
    pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 1000; i++) __atomic_add_fetch(shared, 1, __ATOMIC_RELAXED);
      pid_t grandchild = fork();
      for (int i = 0; i < 1000; i++) __atomic_add_fetch(shared, 1, __ATOMIC_RELAXED);
      _exit(grandchild < 0);
    }
    usleep(200);
  }
}

static void *wait_for_ever(void *arg) {
  (void)arg;
  while (1) pause();
  return 0;
}

extern const ptrdiff_t __rseq_offset;
static volatile long aborts, entered;
static volatile int leave;

/* A thread that sits in a restartable sequence; aborted, it enters it again. */
static void *sequence(void *arg) {
  (void)arg;
  char *rseq = (char *)__builtin_thread_pointer() + __rseq_offset;
  printf("%lx %lx %lx\n", (unsigned long)rseq, (unsigned long)&aborts, (unsigned long)&entered);
  while (!leave) {
    entered++;
    __asm__ volatile(
        ".pushsection __rseq_cs, \"aw\"\n"
        ".balign 32\n"
        "3: .long 0, 0\n"
        ".quad 1f, (2f - 1f), 4f\n"
        ".popsection\n"
        "leaq 3b(%%rip), %%rax\n"
        "movq %%rax, 8(%[rseq])\n"
        "1:\n"
        "5: cmpl $0, %[leave]\n"
        "je 5b\n"
        "2:\n"
        "jmp 6f\n"
        ".pushsection __rseq_failure, \"ax\"\n"
        ".byte 0x0f, 0xb9, 0x3d\n"
        ".long 0x53053053\n"
        "4: incq %[aborts]\n"
        "jmp 6f\n"
        ".popsection\n"
        "6:\n"
        : [aborts] "+m"(aborts)
        : [rseq] "r"(rseq), [leave] "m"(leave)
        : "rax", "memory", "cc");
  }
  return 0;
}

/* Waits for a b far down on its stack, and returns whether all that lies there is as it was. */
static __attribute__((noinline)) int descend(int depth) {
  volatile int frame[64];
  for (int i = 0; i < 64; i++) frame[i] = depth;
  int whole = 1;
  if (depth > 0) {
    whole = descend(depth - 1);
  } else {
    puts("deep");
    char c = 0;
    while (c != 'b' && read(0, &c, 1) == 1) continue;
  }
  for (int i = 0; i < 64; i++) whole &= frame[i] == depth;
  return whole;
}

static void filter(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) exit(3);
}

int main(int argc, char **argv) {
  const char *mode = argv[1];
  long n = argc > 2 ? atol(argv[2]) : 1500;
  setvbuf(stdout, 0, _IONBF, 0);
  long start = millis();
  if (!strcmp(mode, "nanosleep")) {
    puts("ready");
    struct timespec t = {n / 1000, n % 1000 * 1000000};
    struct timespec left = {0, 0};
    report(start, nanosleep(&t, &left));
  } else if (!strcmp(mode, "poll")) {
    puts("ready");
    report(start, poll(0, 0, n));
  } else if (!strcmp(mode, "futex")) {
    static int word;
    struct timespec t = {n / 1000, n % 1000 * 1000000};
    puts("ready");
    report(start, syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, 0, 0));
  } else if (!strcmp(mode, "ppoll")) {
    struct timespec t = {n / 1000, n % 1000 * 1000000};
    sigset_t none;
    sigemptyset(&none);
    sigset_t usr;
    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr, 0);
    puts("ready");
    long r = ppoll(0, 0, &t, &none);
    report(start, r);
    sigset_t now;
    sigprocmask(SIG_BLOCK, 0, &now);
    printf("%d %d\n", sigismember(&now, SIGUSR2), sigismember(&now, SIGUSR1));
  } else if (!strcmp(mode, "epoll")) {
    struct epoll_event e;
    int fd = epoll_create1(0);
    puts("ready");
    report(start, epoll_wait(fd, &e, 1, n));
    wait_for_ever(0);
  } else if (!strcmp(mode, "read")) {
    char c;
    puts("ready");
    report(start, read(0, &c, 1));
  } else if (!strcmp(mode, "busy")) {
    puts("ready");
    while (millis() - start < n) counters[0]++;
    report(start, 0);
  } else if (!strcmp(mode, "seccomp")) {
    filter();
    puts("ready");
    struct timespec t = {n / 1000, n % 1000 * 1000000};
    report(start, nanosleep(&t, 0));
  } else if (!strcmp(mode, "threads") || !strcmp(mode, "slow-threads")) {
    for (long i = 0; i < n; i++) {
      pthread_t t;
      if (pthread_create(&t, 0, *mode == 't' ? count : count_slowly, (void *)&counters[i])) exit(4);
    }
    printf("%lx\n", (unsigned long)counters);
    wait_for_ever(0);
  } else if (!strcmp(mode, "births")) {
    for (long i = 0; i < n; i++) {
      pthread_t t;
      if (pthread_create(&t, 0, bear, 0)) exit(4);
    }
    printf("%lx\n", (unsigned long)&total);
    wait_for_ever(0);
  } else if (!strcmp(mode, "remaps")) {
    for (long i = 0; i < n; i++) {
      pthread_t t;
      if (pthread_create(&t, 0, remap, (void *)&counters[i])) exit(4);
    }
    printf("%lx\n", (unsigned long)counters);
    wait_for_ever(0);
  } else if (!strcmp(mode, "forks")) {
    volatile long *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) exit(5);
    printf("%lx\n", (unsigned long)shared);
    have_children(shared);
  } else if (!strcmp(mode, "dead-leader")) {
    pthread_t t;
    pthread_create(&t, 0, count_slowly, (void *)&counters[0]);
    printf("%lx\n", (unsigned long)counters);
    pthread_exit(0);
  } else if (!strcmp(mode, "descend")) {
    pthread_t t;
    pthread_create(&t, 0, count_slowly, (void *)&counters[0]);
    puts("ready");
    char c;
    if (read(0, &c, 1) == 1) puts(descend(n) ? "whole" : "damaged");
    wait_for_ever(0);
  } else if (!strcmp(mode, "vfork")) {
    pthread_t t;
    pthread_create(&t, 0, count_slowly, (void *)&counters[0]);
    puts("ready");
    pid_t child = vfork();
    if (child == 0) {
      struct timespec ts = {n / 1000, n % 1000 * 1000000};
      syscall(SYS_nanosleep, &ts, 0);
      _exit(7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    report(start, WEXITSTATUS(status));
  } else if (!strcmp(mode, "sequence")) {
    pthread_t t;
    pthread_create(&t, 0, sequence, 0);
    wait_for_ever(0);
  }
  return 0;
}
