/* zombie: prints the pid of a child that has ended and that nobody waits for, says "ready", and sleeps. */
#include <sys/wait.h>

#include "target.h"

int main(void) {
  pid_t child = fork();
  if (child < 0) {
    die("fork");
  } else if (child == 0) {
    _exit(0);
  }
  siginfo_t info;
  if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT)) {
    die("waitid");
  }
  printf("%d\n", child);
  say("ready");
  for (;;) {
    pause();
  }
}
