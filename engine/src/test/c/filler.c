/* filler MIB DIRTY_PERCENT [ZERO_PERCENT]: the benchmark's target, memory of a known kind that changes only when asked.
 *
 * It fills MIB MiB of private anonymous memory and prints "ready". ZERO_PERCENT of the pages (5 unless given) hold
 * zeros that were written, two thirds of the others text-like bytes, the rest bytes that do not compress. Then it sleeps.
 * Each SIGUSR1 makes it rewrite DIRTY_PERCENT of its pages (fractions are fine: 0.1) with new bytes of the same kind,
 * spread evenly over the whole memory, and print "done"; SIGUSR2 a tenth as many. Send the next signal after it: signals
 * do not queue.
 *
 * It waits in rt_sigsuspend, which the kernel restarts after a stop: being copied never shows in its control flow. */
#include <signal.h>

#include "target.h"

static volatile sig_atomic_t asked;

static void ask(int signal) { asked = signal; }

enum Kind { ZERO, TEXT, NOISE };

/* What page `index` holds is a function of the index alone, so that a rewrite keeps the mix. */
static enum Kind kind_of(size_t index, double zero_percent) {
  Random random = random_of(index);
  if ((double)below(&random, 1000000) < zero_percent * 10000) {
    return ZERO;
  }
  return below(&random, 3) < 2 ? TEXT : NOISE;
}

static void fill(char *page, enum Kind kind, Random *random) {
  switch (kind) {
    case ZERO:
      memset(page, 0, PAGE);
      break;
    case TEXT:
      fill_text(page, random);
      break;
    case NOISE:
      fill_random(page, random);
      break;
  }
}

int main(int argc, char **argv) {
  const char *text = "filler MIB DIRTY_PERCENT [ZERO_PERCENT=5]";
  if (argc < 3 || argc > 4) {
    usage(text);
  }
  size_t pages = (size_t)number(argv[1], 1, 1 << 20, text) * MIB / PAGE;
  double dirty_percent = number(argv[2], 0, 100, text);
  double zero_percent = argc > 3 ? number(argv[3], 0, 100, text) : 5;

  /* The signals are blocked except inside sigsuspend: none is lost between the test and the sleep. */
  sigset_t blocked, waiting;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGUSR2);
  struct sigaction action = {.sa_handler = ask};
  if (sigprocmask(SIG_BLOCK, &blocked, &waiting) || sigaction(SIGUSR1, &action, NULL) || sigaction(SIGUSR2, &action, NULL)) {
    die("sigaction");
  }
  sigdelset(&waiting, SIGUSR1);
  sigdelset(&waiting, SIGUSR2);

  char *memory = map_private(pages * PAGE);
  Random random = random_of(2026);
  for (size_t i = 0; i < pages; i++) {
    fill(memory + i * PAGE, kind_of(i, zero_percent), &random);
  }
  say("ready");

  for (;;) {
    while (!asked) {
      sigsuspend(&waiting);
    }
    size_t dirty = (size_t)((double)pages * dirty_percent / (asked == SIGUSR1 ? 100 : 1000));
    asked = 0;
    for (size_t i = 0; i < dirty; i++) {
      /* one page out of each of `dirty` equal stretches: exactly that many pages, no page twice */
      size_t first = i * pages / dirty, last = (i + 1) * pages / dirty;
      size_t page = first + below(&random, last - first);
      fill(memory + page * PAGE, kind_of(page, zero_percent), &random);
    }
    say("done");
  }
}
