/* sharer: two processes with one address space (clone with CLONE_VM), as between vfork and exec, but for good.
 *
 * It prints the pid of its child, then "ready". The child writes to 16 MiB of their memory all the time, the parent only
 * sleeps: whoever stops the parent alone has stopped nothing. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "target.h"

enum { PAGES = 4096, STACK_BYTES = 1 << 16 };

static int write_always(void *memory) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  volatile char *at = memory;
  for (;;) {
    for (int i = 0; i < PAGES; i++) {
      at[i * PAGE]++;
    }
    usleep(200);
  }
  return 0;
}

int main(void) {
  char *stack = map_private(STACK_BYTES);
  int child = clone(write_always, stack + STACK_BYTES, CLONE_VM | SIGCHLD, map_private(PAGES * PAGE));
  if (child < 0) {
    die("clone");
  }
  printf("%d\n", child);
  say("ready");
  for (;;) {
    pause();
  }
}
