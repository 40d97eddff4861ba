/* heir KIND: what becomes of pages that were shared with a child, were read by somebody, and are shared with a child again.
 *
 * KIND: small (4 KiB pages) or huge (2 MiB asked for). Maps 8 MiB, fills them and forks a child, the first one, which fills
 * every other page anew. Prints "ready"; the pages in between are shared now. Each line of input is answered by one line:
 *
 *   bequeath   the first child ends, and a second one, the heir, is forked. The parent frees its memory, with MADV_FREE and
 *              then for good; it is the heir's alone now, who never freed any, and asks the kernel to reclaim it.
 *              Answers how many pages the heir finds changed: "changed N". */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "target.h"

enum { PAGES = 2048, HUGE_BYTES = 2 << 20 };

static char *memory;

static void fill(size_t from, size_t step, uint64_t seed) {
  for (size_t i = from; i < PAGES; i += step) {
    Random random = random_of(seed + i);
    fill_text(memory + i * PAGE, &random);
  }
}

static int changed(void) {
  int count = 0;
  for (size_t i = 0; i < PAGES; i++) {
    uint64_t page[WORDS_PER_PAGE];
    Random random = random_of(1 + i);
    fill_text(page, &random);
    count += memcmp(memory + i * PAGE, page, PAGE) != 0;
  }
  return count;
}

static pid_t fork_child(void) {
  pid_t pid = fork();
  if (pid < 0) {
    die("fork");
  }
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  }
  return pid;
}

static void map(int huge) {
  char *at = map_private(PAGES * PAGE + HUGE_BYTES);
  memory = (char *)(((uintptr_t)at + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
  if (madvise(memory, PAGES * PAGE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) && huge) {
    die("madvise");
  }
}

static pid_t fork_first(void) {
  int filled[2];
  char byte;
  if (pipe(filled)) {
    die("pipe");
  }
  pid_t pid = fork_child();
  if (pid == 0) {
    fill(0, 2, PAGES);
    (void)!write(filled[1], "", 1);
    for (;;) {
      pause();
    }
  }
  (void)!read(filled[0], &byte, 1);
  close(filled[0]);
  close(filled[1]);
  return pid;
}

static void bequeath(pid_t first) {
  int freed[2];
  kill(first, SIGKILL);
  waitpid(first, NULL, 0);
  if (pipe(freed)) {
    die("pipe");
  }
  pid_t heir = fork_child();
  if (heir == 0) {
    char byte;
    close(freed[1]);
    (void)!read(freed[0], &byte, 1);
    madvise(memory, PAGES * PAGE, MADV_PAGEOUT);
    printf("changed %d\n", changed());
    fflush(stdout);
    _exit(0);
  }
  if (madvise(memory, PAGES * PAGE, MADV_FREE) || munmap(memory, PAGES * PAGE)) {
    die("madvise");
  }
  close(freed[0]);
  close(freed[1]);
  waitpid(heir, NULL, 0);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    usage("heir small|huge");
  }
  map(!strcmp(argv[1], "huge"));
  fill(0, 1, 1);
  pid_t first = fork_first();
  say("ready");
  char line[64];
  if (fgets(line, sizeof line, stdin)) {
    bequeath(first);
    pause();
  }
}
