/* kinds: memory of every kind that is easily forgotten, each with its address printed, then "ready".
 *
 * "none ADDRESS" and "readonly ADDRESS": eight anonymous pages with content and without the right to read, or to write.
 * "file ADDRESS": eight pages of a private file mapping; zeros are written over the first four, the others stay the
 * file's. "anon ADDRESS": eight anonymous pages that were written with zeros. "shared ADDRESS": eight shared pages.
 *
 * Each line of input rewrites all of it in the same manner and is answered by "done". */
#define _GNU_SOURCE
#include <fcntl.h>

#include "target.h"

enum { PAGES = 8 };

/* Memory with PROT_NONE on both sides, so that no neighbour is merged with it. */
static char *apart(void) {
  char *whole = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) {
    die("mmap");
  }
  return whole + PAGE;
}

static char *map_at(char *at, int flags, int file) {
  if (mmap(at, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file, 0) != at) {
    die("mmap");
  }
  return at;
}

static void protect(char *at, int protection) {
  if (mprotect(at, PAGES * PAGE, protection)) {
    die("mprotect");
  }
}

static void fill(char *at, Random *random) {
  for (int i = 0; i < PAGES; i++) {
    fill_text(at + i * PAGE, random);
  }
}

int main(void) {
  Random random = random_of(7);
  char path[] = "/tmp/predump-kinds-XXXXXX";
  int file = mkostemp(path, O_CLOEXEC);
  char page[PAGE];
  unlink(path);
  for (int i = 0; i < PAGES; i++) {
    fill_text(page, &random);
    if (file < 0 || write(file, page, PAGE) != PAGE) {
      die(path);
    }
  }
  char *none = map_at(apart(), MAP_PRIVATE | MAP_ANONYMOUS, -1);
  char *readonly = map_at(apart(), MAP_PRIVATE | MAP_ANONYMOUS, -1);
  char *of_file = map_at(apart(), MAP_PRIVATE, file);
  char *anon = map_at(apart(), MAP_PRIVATE | MAP_ANONYMOUS, -1);
  char *shared = map_at(apart(), MAP_SHARED | MAP_ANONYMOUS, -1);
  printf("none %lx\nreadonly %lx\nfile %lx\nanon %lx\nshared %lx\n", (unsigned long)none, (unsigned long)readonly,
         (unsigned long)of_file, (unsigned long)anon, (unsigned long)shared);
  const char *answer = "ready";
  char line[64];
  do {
    protect(none, PROT_READ | PROT_WRITE);
    protect(readonly, PROT_READ | PROT_WRITE);
    fill(none, &random);
    fill(readonly, &random);
    fill(shared, &random);
    protect(none, PROT_NONE);
    protect(readonly, PROT_READ);
    memset(of_file, 0, PAGES / 2 * PAGE);
    memset(anon, 0, PAGES * PAGE);
    say(answer);
    answer = "done";
  } while (fgets(line, sizeof line, stdin));
  return 0;
}
