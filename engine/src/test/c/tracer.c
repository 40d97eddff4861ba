/* tracer PID: traces a process without stopping it, says "ready", and keeps it until killed. */
#include <sys/ptrace.h>

#include "target.h"

int main(int argc, char **argv) {
  const char *text = "tracer PID";
  if (argc != 2) {
    usage(text);
  }
  if (ptrace(PTRACE_SEIZE, (pid_t)number(argv[1], 1, 1 << 30, text), 0, 0)) {
    die("ptrace");
  }
  say("ready");
  for (;;) {
    pause();
  }
}
