/* paced MIB HOT_MIB HOT_PER_SECOND COLD_PER_SECOND: writes at known rates, to compare forecasts with.
 *
 * It fills MIB MiB of private anonymous memory with text-like bytes and prints "ready". From then on it writes HOT_PER_SECOND
 * pages a second, each chosen at random among the first HOT_MIB MiB, and COLD_PER_SECOND among the others: a word of each,
 * with a new value. Every millisecond it makes up for what the clock says is due, so a stop is made good soon after. */
#include <time.h>

#include "target.h"

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void write_some(char *memory, size_t first, size_t pages, double due, double *done, Random *random) {
  for (; pages > 0 && *done < due; (*done)++) {
    size_t page = first + below(random, pages);
    *(volatile uint64_t *)(memory + page * PAGE + below(random, PAGE / 8) * 8) = next(random);
  }
}

int main(int argc, char **argv) {
  const char *text = "paced MIB HOT_MIB HOT_PER_SECOND COLD_PER_SECOND";
  if (argc != 5) {
    usage(text);
  }
  size_t pages = (size_t)number(argv[1], 1, 1 << 16, text) * MIB / PAGE;
  size_t hot = (size_t)number(argv[2], 0, 1 << 16, text) * MIB / PAGE;
  double hot_rate = number(argv[3], 0, 1e7, text), cold_rate = number(argv[4], 0, 1e7, text);
  if (hot > pages) {
    usage(text);
  }
  char *memory = map_private(pages * PAGE);
  Random random = random_of(2027);
  for (size_t i = 0; i < pages; i++) {
    fill_text(memory + i * PAGE, &random);
  }
  say("ready");
  double began = seconds(), hot_done = 0, cold_done = 0;
  for (;;) {
    double elapsed = seconds() - began;
    write_some(memory, 0, hot, elapsed * hot_rate, &hot_done, &random);
    write_some(memory, hot, pages - hot, elapsed * cold_rate, &cold_done, &random);
    usleep(1000);
  }
}
