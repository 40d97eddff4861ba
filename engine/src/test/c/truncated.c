/* truncated: pages of its own in a private file mapping, whose file is then made shorter.
 *
 * It writes over all 64 pages of a private mapping and prints "at ADDRESS". A line of input cuts the file down to its
 * first page; answered by "done". The kernel takes the 63 others away, the written ones too, while the mapping stays as
 * long as it was: touching them is SIGBUS, and reading them from outside an error. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "target.h"

enum { PAGES = 64 };

int main(void) {
  char path[] = "/tmp/predump-truncated-XXXXXX";
  int file = mkostemp(path, O_CLOEXEC);
  if (file < 0 || unlink(path) || ftruncate(file, PAGES * PAGE)) {
    die(path);
  }
  char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  if (at == MAP_FAILED) {
    die("mmap");
  }
  Random random = random_of(64);
  for (int i = 0; i < PAGES; i++) {
    fill_text(at + i * PAGE, &random);
  }
  printf("at %lx\n", (unsigned long)at);
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (ftruncate(file, PAGE)) {
      die("ftruncate");
    }
    say("done");
  }
  return 0;
}
