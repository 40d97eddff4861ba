/* far GIB: memory reserved by the GiB, readable and writable, of which a few pages are used, one of them far from all others.
 *
 * The first 64 MiB are used here and there: every fifth 2 MiB is written to, the next one only read, which puts the
 * kernel's zero page there, small or huge. Prints "ready". Each line of input is answered by "done":
 *
 *   far    a page near the end is written, and one beside it only read
 *   again  what was written is written anew, what was read is read */
#define _GNU_SOURCE
#include "target.h"

#define STEP (2 * MIB)

static char *at;
static Random generator;

static void use(size_t offset) {
  fill_text(at + offset, &generator);
  (void)*(volatile char *)(at + offset + STEP);
}

int main(int argc, char **argv) {
  const char *text = "far GIB";
  if (argc != 2) {
    usage(text);
  }
  size_t bytes = (size_t)number(argv[1], 1, 65536, text) << 30;
  generator = random_of(5);
  at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    die("mmap");
  }
  at += -(uintptr_t)at & (STEP - 1);
  const char *answer = "ready";
  char line[64] = "again";
  do {
    if (strncmp(line, "far", 3) == 0) {
      use(bytes - 5 * STEP);
    } else {
      for (size_t offset = 0; offset < 64 * MIB; offset += 5 * STEP) {
        use(offset);
      }
    }
    say(answer);
    answer = "done";
  } while (fgets(line, sizeof line, stdin));
  return 0;
}
