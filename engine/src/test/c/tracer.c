/* tracer PID: traces a process without stopping it, says "ready", and keeps it until killed.
 *
 * Every signal of a traced thread stops it, one it ignores as well, until its tracer lets it go on: this one hands each
 * signal on at once, so that the process runs as it would alone. */
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "target.h"

int main(int argc, char **argv) {
  const char *text = "tracer PID";
  if (argc != 2) {
    usage(text);
  }
  pid_t pid = (pid_t)number(argv[1], 1, 1 << 30, text);
  if (ptrace(PTRACE_SEIZE, pid, 0, 0)) {
    die("ptrace");
  }
  say("ready");
  for (;;) {
    int status;
    if (waitpid(pid, &status, 0) < 0) {
      die("waitpid");
    }
    if (!WIFSTOPPED(status)) {
      return 0; /* it has ended */
    }
    int signal = status >> 16 ? 0 : WSTOPSIG(status);
    if (ptrace(PTRACE_CONT, pid, 0, signal) && errno != ESRCH) {
      die("ptrace");
    }
  }
}
