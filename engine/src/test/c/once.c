/* once MIB: two threads write each page of MIB MiB once per line of input, in random order.
 *
 * A write that is lost between the reading of a soft-dirty bit and its clearing is not made good by the next write to the
 * page: within a pass there is none. Prints "ready"; each line of input begins a pass and is answered by "begun". */
#define _GNU_SOURCE
#include <pthread.h>

#include "target.h"

enum { THREADS = 2 };

static char *memory;
static uint32_t *order;
static size_t pages;
static volatile unsigned pass;

static void *write_passes(void *argument) {
  size_t index = (size_t)(uintptr_t)argument;
  unsigned done = 0;
  for (;;) {
    while (pass == done) {
      usleep(200);
    }
    done = pass;
    for (size_t i = index; i < pages; i += THREADS) {
      volatile uint64_t *page = (uint64_t *)(memory + (size_t)order[i] * PAGE);
      page[done % WORDS_PER_PAGE]++;
      for (volatile int spin = 0; spin < 300; spin++) {
      }
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  const char *text = "once MIB";
  if (argc != 2) {
    usage(text);
  }
  Random random = random_of(1);
  size_t bytes = (size_t)number(argv[1], 1, 1024, text) * MIB;
  pages = bytes / PAGE;
  memory = map_private(bytes);
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  order = (uint32_t *)map_private(pages * sizeof *order);
  for (size_t i = 0; i < pages; i++) {
    fill_text(memory + i * PAGE, &random);
    size_t j = below(&random, i + 1);
    order[i] = order[j];
    order[j] = (uint32_t)i;
  }
  for (size_t i = 0; i < THREADS; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, write_passes, (void *)(uintptr_t)i)) {
      die("pthread_create");
    }
  }
  say("ready");
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    pass++;
    say("begun");
  }
  return 0;
}
