/* family: a process that has children when told to, all of which write to what they inherited and what they share.
 *
 * 4 MiB are private to each process, copied on write after a fork; 64 pages are shared by all. Every process, the root
 * too, rewrites a page of either every millisecond. The root prints "ready" and answers a line of input by one line:
 *
 *   fork PID   process PID, the root or one below it, has a child: the child's pid, once it runs
 *   exit PID   tells PID to exit: "told"
 *   exec PID   tells PID to become `sleep 600`: "told"
 *
 * A process dies with its parent. The kernel reaps who has exited. */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include "target.h"

enum { PRIVATE_PAGES = 1024, SHARED_PAGES = 64 };

static const int FORK = SIGHUP, EXIT = SIGUSR1, EXEC = SIGUSR2;

static volatile sig_atomic_t told;
static int births[2]; /* who is born writes its pid here */

static void tell(int signal) { told = signal; }

static void have_child(void) {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) {
    die("fork");
  } else if (child == 0) {
    pid_t self = getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || write(births[1], &self, sizeof self) != sizeof self) {
      _exit(1);
    }
  }
}

static void obey(void) {
  int order = told;
  told = 0;
  if (order == FORK) {
    have_child();
  } else if (order == EXIT) {
    _exit(0);
  } else if (order == EXEC) {
    execl("/bin/sleep", "sleep", "600", (char *)NULL);
    die("/bin/sleep");
  }
}

/* Passes the order on to its process. The root alone reads its input. */
static void answer(const char *line) {
  int fork_order = strncmp(line, "fork", 4) == 0;
  pid_t pid = (pid_t)atoi(line + 5);
  kill(pid, fork_order ? FORK : strncmp(line, "exit", 4) == 0 ? EXIT : EXEC);
  pid_t self = getpid();
  obey(); /* the order may have been for ourselves */
  if (getpid() != self) {
    return; /* the child: it is its mother who answers */
  }
  if (!fork_order) {
    say("told");
    return;
  }
  pid_t born;
  while (read(births[0], &born, sizeof born) != sizeof born) {
    if (errno != EINTR) {
      die("read");
    }
  }
  printf("%d\n", born);
  fflush(stdout);
}

int main(void) {
  pid_t root = getpid();
  signal(SIGCHLD, SIG_IGN);
  struct sigaction action = {.sa_handler = tell};
  if (pipe(births) || sigaction(FORK, &action, NULL) || sigaction(EXIT, &action, NULL) || sigaction(EXEC, &action, NULL)) {
    die("sigaction");
  }
  char *own = map_private(PRIVATE_PAGES * PAGE);
  char *shared = mmap(NULL, SHARED_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    die("mmap");
  }
  Random random = random_of(1);
  for (int i = 0; i < PRIVATE_PAGES; i++) {
    fill_text(own + i * PAGE, &random);
  }
  say("ready");
  for (;;) {
    obey();
    random.state += (uint64_t)getpid(); /* each its own bytes */
    fill_text(own + below(&random, PRIVATE_PAGES) * PAGE, &random);
    fill_text(shared + below(&random, SHARED_PAGES) * PAGE, &random);
    if (getpid() != root) {
      usleep(1000);
      continue;
    }
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (poll(&input, 1, 1) == 1) {
      char line[64] = "";
      if (read(0, line, sizeof line - 1) > 0) {
        answer(line);
      }
    }
  }
}
