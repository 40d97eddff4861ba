/* sparse PAGES: one page in every 2 MiB, the worst there is for tables kept per stretch of addresses.
 *
 * It touches PAGES pages, 2 MiB apart, and prints "ready". Then it rewrites one of them each millisecond. */
#define _GNU_SOURCE
#include "target.h"

int main(int argc, char **argv) {
  const char *text = "sparse PAGES";
  if (argc != 2) {
    usage(text);
  }
  size_t pages = (size_t)number(argv[1], 1, 1 << 20, text), apart = 2 * MIB;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  char *at = mmap(NULL, pages * apart, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (at == MAP_FAILED || madvise(at, pages * apart, MADV_NOHUGEPAGE)) {
    die("mmap");
  }
  Random random = random_of(26);
  for (size_t i = 0; i < pages; i++) {
    at[i * apart] = (char)(1 + i % 100);
  }
  say("ready");
  for (;;) {
    at[below(&random, pages) * apart]++;
    usleep(1000);
  }
}
