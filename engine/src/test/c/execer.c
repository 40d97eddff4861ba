/* execer DELAY_MS PROG [ARGS]: a target that becomes another program while it is being copied.
 *
 * It fills 64 MiB, prints "ready" and keeps rewriting that memory. DELAY_MS later, or at once upon SIGUSR1, it execve()s
 * PROG with the environment it has (DELAY_MS 0: upon SIGUSR1 only). Pid and start time stay the same, the memory is
 * another: a round that was under way must be dropped, for its pages come from two programs. */
#include "doomed.h"

extern char **environ;

int main(int argc, char **argv) {
  const char *text = "execer DELAY_MS PROG [ARGS]";
  if (argc < 3) {
    usage(text);
  }
  rewrite_until_told((int64_t)number(argv[1], 0, 1e9, text));
  execve(argv[2], argv + 2, environ);
  die(argv[2]);
}
