/* Targets that check themselves: what they do over and over, by name, is right or counted as a
   failure. Prints the address of {rounds, failures, interrupted calls}, then says nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile long state[3];
#define ROUNDS state[0]
#define FAILURES state[1]
#define INTERRUPTED state[2]

#define EACH_Y(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define EACH_G(X) \
  X(512, rbx) X(520, rbp) X(528, rdx) X(536, rdi) X(544, rsi) X(552, r8) X(560, r9) X(568, r10) \
  X(576, r11) X(584, r12) X(592, r13) X(600, r14) X(608, r15)
#define S(x) #x
#define LOAD_Y(n) "vmovdqu " S(n) "*32(%rax), %ymm" #n "\n"
#define STORE_Y(n) "vmovdqu %ymm" #n ", " S(n) "*32(%rax)\n"
#define LOAD_G(o, r) "movq " #o "(%rax), %" #r "\n"
#define STORE_G(o, r) "movq %" #r ", " #o "(%rax)\n"

/* Fills the registers and the red zone from a table, spins, and writes them out again. */
void spin(const void *table, long loops, void *out);
__asm__(
    ".globl spin\nspin:\n"
    "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "sub $136, %rsp\n"
    "movq %rdx, (%rsp)\n"
    "movq %rsi, %rcx\n"
    "movq %rdi, %rax\n"
    EACH_Y(LOAD_Y) EACH_G(LOAD_G)
    "movq %rbx, -8(%rsp)\nmovq %r8, -64(%rsp)\nmovq %r12, -128(%rsp)\n"
    "1: decq %rcx\njnz 1b\n"
    "movq (%rsp), %rax\n"
    EACH_Y(STORE_Y) EACH_G(STORE_G)
    "movq -8(%rsp), %rbx\nmovq %rbx, 616(%rax)\n"
    "movq -64(%rsp), %rbx\nmovq %rbx, 624(%rax)\n"
    "movq -128(%rsp), %rbx\nmovq %rbx, 632(%rax)\n"
    "add $136, %rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\n"
    "vzeroupper\nret\n");

static uint64_t table[80], out[80];
static long millis(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void spin_round(void) {
  for (int i = 0; i < 77; i++) table[i] = table[i] * 6364136223846793005ull + 1442695040888963407ull + i;
  table[77] = table[64];
  table[78] = table[69];
  table[79] = table[73];
  spin(table, 300000, out);
  if (memcmp(table, out, sizeof table)) FAILURES++;
  ROUNDS++;
}

static char area[3 * 4096];
static char alternate[64 << 10];
static ucontext_t back, there;
static volatile long alarms;

static void on_alarm(int signal) {
  (void)signal;
  volatile char used[1024];
  memset((void *)used, 0x5a, sizeof used);
  alarms++;
}

static void on_tiny_stack(void) {
  while (1) {
    spin_round();
    for (int i = 0; i < 4096; i++)
      if (area[i] != 0x33 || area[2 * 4096 + i] != 0x33) {
        FAILURES++;
        break;
      }
    stack_t now;
    if (sigaltstack(0, &now) || now.ss_sp != alternate || now.ss_size != sizeof alternate ||
        now.ss_flags != 0)
      FAILURES++;
  }
}

/* AMX: a tile's kilobyte, alone in being state that a thread must ask for. */
static void tile_round(void) {
  static char configuration[64] = {[0] = 1, [16] = 64, [48] = 16};
  static unsigned char tile[1024], after[1024];
  long stride = 64;
  for (int i = 0; i < 1024; i++) tile[i] += i * 7 + 1;
  __asm__ volatile("ldtilecfg %0\ntileloadd (%1,%2,1), %%tmm0\n"
                   :: "m"(configuration), "r"(tile), "r"(stride) : "memory");
  spin_round();
  __asm__ volatile("tilestored %%tmm0, (%0,%1,1)\n" :: "r"(after), "r"(stride) : "memory");
  if (memcmp(tile, after, sizeof tile)) FAILURES++;
}

static int ends[2];
static void *writer(void *arg) {
  (void)arg;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, 0);
  for (unsigned char c = 0;; c++) {
    usleep(10000);
    if (write(ends[1], &c, 1) != 1) FAILURES++;
  }
  return 0;
}

/* Stack in use down to its very bottom, and all of it zero. */
static void *sleep_on(void *arg) {
  (void)arg;
  while (1) {
    usleep(2000);
    ROUNDS++;
  }
  return 0;
}
static void deep(const char *mode) {
  volatile char used[400 << 10];
  memset((void *)used, 0, sizeof used);
  pthread_t t;
  if (!strcmp(mode, "deep-main") && pthread_create(&t, 0, sleep_on, 0)) exit(4);
  while (1) {
    if (strcmp(mode, "deep-main")) {
      usleep(2000);
      ROUNDS++;
    }
    for (size_t i = 0; i < sizeof used; i++)
      if (used[i]) {
        FAILURES++;
        break;
      }
  }
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  setvbuf(stdout, 0, _IONBF, 0);
  sigset_t some;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR2);
  sigaddset(&some, 40);
  sigprocmask(SIG_BLOCK, &some, 0);
  printf("%lx\n", (unsigned long)state);
  if (!strcmp(mode, "own-userfaultfd")) {
    /* Never given UFFDIO_API: as one that an injection has left. */
    if (syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1) < 0) exit(4);
    mode = "sleep";
  }
  if (!strcmp(mode, "deep") || !strcmp(mode, "deep-main")) deep(mode);
  if (!strcmp(mode, "sleep")) {
    while (1) {
      long start = millis();
      struct timespec left = {0, 20000000};
      while (nanosleep(&left, &left)) {
        if (errno != EINTR || left.tv_sec || left.tv_nsec > 20000000) FAILURES++;
        INTERRUPTED++;
      }
      if (millis() - start < 19) FAILURES++;
      ROUNDS++;
    }
  } else if (!strcmp(mode, "futex")) {
    static int word;
    while (1) {
      long start = millis();
      struct timespec t = {0, 20000000};
      if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, 0, 0) != -1) FAILURES++;
      if (errno == EINTR) INTERRUPTED++;
      else if (errno != ETIMEDOUT || millis() - start < 19) FAILURES++;
      ROUNDS++;
    }
  } else if (!strcmp(mode, "read")) {
    pthread_t t;
    if (pipe(ends) || pthread_create(&t, 0, writer, 0)) exit(4);
    unsigned char want = 0, c;
    while (1) {
      if (read(ends[0], &c, 1) != 1 || c != want++) FAILURES++;
      ROUNDS++;
    }
  } else if (!strcmp(mode, "busy")) {
    while (1) spin_round();
  } else if (!strcmp(mode, "tiles")) {
    if (syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18)) exit(4);
    while (1) tile_round();
  } else if (!strcmp(mode, "tiny")) {
    memset(area, 0x33, sizeof area);
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerval each = {{0, 1000}, {0, 1000}};
    if (sigaltstack(&stack, 0) || sigaction(SIGALRM, &action, 0) || setitimer(ITIMER_REAL, &each, 0))
      exit(4);
    getcontext(&there);
    there.uc_stack.ss_sp = area + 4096;
    there.uc_stack.ss_size = 4096;
    makecontext(&there, on_tiny_stack, 0);
    swapcontext(&back, &there);
  }
  return 5;
}
