/* reservation TIB PAGES: addresses reserved by the TiB, as collectors and sanitizers do, of which few pages are used.
 *
 * It reserves TIB TiB that nobody may touch, makes the first PAGES pages of them usable, fills them and prints "ready".
 * Each line of input rewrites them and is answered by "done". Whatever is done per page of the reservation, a page table
 * entry above all, costs gigabytes. */
#define _GNU_SOURCE
#include "target.h"

int main(int argc, char **argv) {
  const char *text = "reservation TIB PAGES";
  if (argc != 3) {
    usage(text);
  }
  size_t bytes = (size_t)number(argv[1], 1, 64, text) << 40;
  size_t pages = (size_t)number(argv[2], 1, 1 << 20, text);
  char *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED || mprotect(at, pages * PAGE, PROT_READ | PROT_WRITE)) {
    die("mmap");
  }
  Random random = random_of(40);
  const char *answer = "ready";
  char line[64];
  do {
    for (size_t i = 0; i < pages; i++) {
      fill_text(at + i * PAGE, &random);
    }
    say(answer);
    answer = "done";
  } while (fgets(line, sizeof line, stdin));
  return 0;
}
