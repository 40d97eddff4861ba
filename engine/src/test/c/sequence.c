/* sequence MIB [PAGES=64]: a process whose every word can be foretold, and which checks that it is so.
 *
 * It fills MIB of memory from a seeded generator, then counts: in each step it rewrites PAGES pages that the generator
 * chooses, keeps the sum of all words by subtracting what it overwrites and adding what it writes, and now and then adds all
 * words up anew. It prints one line per step, "STEP SUM"; of the same arguments always the same lines. So a process that was
 * checkpointed and restored must go on where it was frozen, no step twice and none left out, and its sums must be those of
 * a process to which nothing happened. Sums that disagree end it, with a line "wrong STEP". */
#include "target.h"

enum { STEPS_PER_RECOUNT = 8, REST_MICROS = 2000 };

static uint64_t sum_of(const uint64_t *words, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    sum += words[i];
  }
  return sum;
}

int main(int argc, char **argv) {
  const char *text = "sequence MIB [PAGES=64]";
  if (argc < 2 || argc > 3) {
    usage(text);
  }
  size_t pages = (size_t)number(argv[1], 1, 1 << 16, text) * MIB / PAGE;
  size_t pages_per_step = (size_t)number(argc > 2 ? argv[2] : "64", 1, 1 << 20, text);
  char *memory = map_private(pages * PAGE);
  Random random = random_of(1);
  for (size_t page = 0; page < pages; page++) {
    fill_text(memory + page * PAGE, &random);
  }
  uint64_t sum = sum_of((uint64_t *)memory, pages * WORDS_PER_PAGE);
  for (uint64_t step = 1;; step++) {
    for (size_t i = 0; i < pages_per_step; i++) {
      char *page = memory + below(&random, pages) * PAGE;
      sum -= sum_of((uint64_t *)page, WORDS_PER_PAGE);
      if (next(&random) % 4 == 0) {
        memset(page, 0, PAGE);
      } else {
        fill_text(page, &random);
      }
      sum += sum_of((uint64_t *)page, WORDS_PER_PAGE);
    }
    if (step % STEPS_PER_RECOUNT == 0 && sum_of((uint64_t *)memory, pages * WORDS_PER_PAGE) != sum) {
      printf("wrong %lu\n", (unsigned long)step);
      fflush(stdout);
      return 1;
    }
    printf("%lu %016lx\n", (unsigned long)step, (unsigned long)sum);
    fflush(stdout);
    usleep(REST_MICROS);
  }
}
