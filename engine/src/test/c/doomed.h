/* The common half of `execer` and `exiter`: 64 MiB that is rewritten page after page until the end comes. */
#ifndef PREDUMP_DOOMED_H
#define PREDUMP_DOOMED_H

#include <signal.h>

#include "target.h"

static volatile sig_atomic_t told;

static inline void tell(int signal) {
  (void)signal;
  told = 1;
}

static inline int64_t millis_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Fills 64 MiB, prints "ready", and rewrites it until `delay_ms` have passed since (0: no limit) or SIGUSR1 comes. */
static inline void rewrite_until_told(int64_t delay_ms) {
  struct sigaction action = {.sa_handler = tell};
  if (sigaction(SIGUSR1, &action, NULL)) {
    die("sigaction");
  }
  size_t pages = 64 * MIB / PAGE;
  char *memory = map_private(pages * PAGE);
  Random random = random_of(64);
  for (size_t i = 0; i < pages; i++) {
    fill_text(memory + i * PAGE, &random);
  }
  say("ready");
  int64_t end = millis_now() + delay_ms;
  while (!told && (delay_ms == 0 || millis_now() < end)) {
    for (int i = 0; i < 64 && !told; i++) {
      fill_text(memory + below(&random, pages) * PAGE, &random);
    }
    usleep(500); /* leaves the machine to whoever copies us; SIGUSR1 cuts it short */
  }
}

#endif
