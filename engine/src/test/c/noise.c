/* noise MIB: MIB MiB of private anonymous memory that does not compress. Prints "ready" and sleeps. */
#include "target.h"

int main(int argc, char **argv) {
  const char *text = "noise MIB";
  if (argc != 2) {
    usage(text);
  }
  size_t pages = (size_t)number(argv[1], 1, 1 << 16, text) * MIB / PAGE;
  char *memory = map_private(pages * PAGE);
  Random random = random_of(7);
  for (size_t i = 0; i < pages; i++) {
    fill_random(memory + i * PAGE, &random);
  }
  say("ready");
  for (;;) {
    pause();
  }
}
