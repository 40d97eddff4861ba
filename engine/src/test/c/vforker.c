/* vforker MILLISECONDS: a process with a child that cannot be stopped for a while: it waits for a vfork child of its own.
 *
 * The child fills 4 MiB, then blocks in vfork for so long; after that it sleeps. Prints the child's pid and "ready" when the
 * child is about to block. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>

#include "target.h"

enum { PAGES = 1024 };

int main(int argc, char **argv) {
  const char *text = "vforker MILLISECONDS";
  if (argc != 2) {
    usage(text);
  }
  useconds_t wait = (useconds_t)(number(argv[1], 1, 100000, text) * 1000);
  pid_t child = fork();
  if (child < 0) {
    die("fork");
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char *memory = map_private(PAGES * PAGE);
    Random random = random_of(1);
    for (size_t i = 0; i < PAGES; i++) {
      fill_text(memory + i * PAGE, &random);
    }
    printf("%d\n", (int)getpid());
    say("ready");
    if (vfork() == 0) {
      usleep(wait);
      _exit(0);
    }
    for (;;) {
      pause();
    }
  }
  for (;;) {
    pause();
  }
}
