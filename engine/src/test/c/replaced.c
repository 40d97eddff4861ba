/* replaced: memory the kernel may drop any time (MAP_DROPPABLE, Linux 6.11), and then ordinary memory in its place.
 *
 * It maps and fills 4 MiB of droppable memory and prints "at ADDRESS", or "lacking: REASON" if the kernel knows none. A
 * line of input makes it unmap them and map ordinary memory at the same address, filled; answered by "done". What was
 * known of the address must not be believed of what lies there later. */
#define _GNU_SOURCE
#include "target.h"

enum { BYTES = 4 << 20, DROPPABLE = 0x08 };

static void fill(char *at, Random *random) {
  for (size_t i = 0; i < BYTES; i += PAGE) {
    fill_text(at + i, random);
  }
}

int main(void) {
  Random random = random_of(4);
  char *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, DROPPABLE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) {
    printf("lacking: mmap(MAP_DROPPABLE): %s\n", strerror(errno));
    return 0;
  }
  fill(at, &random);
  printf("at %lx\n", (unsigned long)at);
  fflush(stdout);
  char line[64];
  if (!fgets(line, sizeof line, stdin)) {
    return 0;
  }
  munmap(at, BYTES);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  if (mmap(at, BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) != at) {
    die("mmap");
  }
  fill(at, &random);
  say("done");
  for (;;) {
    pause();
  }
}
