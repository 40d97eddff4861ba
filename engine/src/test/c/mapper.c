/* mapper SECONDS: maps, touches and unmaps memory as fast as it can, as allocators and runtimes do that give memory back.
 *
 * Beside that it holds 256 MiB that it fills once. On each SIGUSR1 it works for SECONDS, counting how often it went round,
 * and prints the count and "done". */
#include <signal.h>

#include "target.h"

enum { PIECES = 16, PAGES = 64 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void work(double seconds) {
  unsigned long rounds = 0;
  for (double end = now() + seconds; now() < end; rounds++) {
    char *pieces[PIECES];
    for (int i = 0; i < PIECES; i++) {
      pieces[i] = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (pieces[i] == MAP_FAILED) {
        die("mmap");
      }
      for (int page = 0; page < PAGES; page++) {
        pieces[i][page * PAGE] = 1;
      }
    }
    for (int i = 0; i < PIECES; i++) {
      munmap(pieces[i], PAGES * PAGE);
    }
  }
  printf("%lu\ndone\n", rounds);
}

int main(int argc, char **argv) {
  const char *text = "mapper SECONDS";
  if (argc != 2) {
    usage(text);
  }
  double seconds = number(argv[1], 0.01, 3600, text);
  size_t held = 256 * MIB;
  char *memory = mmap(NULL, held, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    die("mmap");
  }
  Random random = random_of(1);
  for (size_t i = 0; i < held / sizeof(uint64_t); i++) {
    ((uint64_t *)memory)[i] = next(&random);
  }
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &wanted, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("ready");
  for (int signal; sigwait(&wanted, &signal) == 0;) {
    work(seconds);
  }
  return 1;
}
