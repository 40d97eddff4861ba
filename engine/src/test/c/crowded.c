/* crowded SPARE [MIB=64]: a process that has all mappings it may have but SPARE.
 *
 * MIB MiB are one mapping with content in every page; the rest is a reservation cut into single pages by protections that
 * alternate, a sixteenth of them with content. If SPARE is at least 2, a thread cuts a mapping of its own in three and joins it
 * again, over and over, which takes two to spare, and counts how often it was refused. Prints "ready"; answers each line of
 * input with that count after changing a thousand pages. */
#include <pthread.h>

#include "target.h"

static volatile long refusals;
static volatile int go;

static size_t limit(void) {
  size_t value = 0;
  FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
  if (file == NULL || fscanf(file, "%zu", &value) != 1) {
    die("max_map_count");
  }
  fclose(file);
  return value;
}

/* What this itself allocates stays allocated and counts. */
static size_t mappings(void) {
  static char text[1 << 16];
  size_t lines = 0;
  FILE *file = fopen("/proc/self/maps", "r");
  if (file == NULL) {
    die("maps");
  }
  setvbuf(file, text, _IOFBF, sizeof text);
  for (int c; (c = fgetc(file)) != EOF;) {
    lines += c == '\n';
  }
  fclose(file);
  return lines - 1; /* vsyscall is none */
}

static void *cut_and_join(void *three_pages) {
  while (!go) {
    usleep(1000);
  }
  for (;;) {
    refusals += mprotect((char *)three_pages + PAGE, PAGE, PROT_READ) != 0;
    if (mprotect((char *)three_pages + PAGE, PAGE, PROT_READ | PROT_WRITE)) {
      die("mprotect");
    }
    usleep(20); /* joined, so that somebody else could use the room */
  }
  return NULL;
}

int main(int argc, char **argv) {
  const char *text = "crowded SPARE [MIB=64]";
  if (argc < 2 || argc > 3) {
    usage(text);
  }
  size_t spare = (size_t)number(argv[1], 0, 1000, text);
  size_t pages = (size_t)number(argc > 2 ? argv[2] : "64", 1, 4096, text) * MIB / PAGE;
  char *large = map_private(pages * PAGE);
  Random random = random_of(4);
  for (size_t i = 0; i < pages; i++) {
    fill_text(large + i * PAGE, &random);
  }
  char *three_pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (three_pages == MAP_FAILED) {
    die("mmap");
  }
  pthread_t thread;
  size_t most = limit(), reserved = 2 * most;
  char *cut = mmap(NULL, reserved * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (cut == MAP_FAILED) {
    die("mmap");
  }
  if (pthread_create(&thread, NULL, cut_and_join, three_pages)) {
    die("pthread_create");
  }
  size_t missing = most - spare - mappings();
  /* Each page given rights cuts the mapping in three, the last perhaps in two, at its end. */
  for (size_t i = 0; i < missing / 2; i++) {
    char *page = cut + (1 + 2 * i) * PAGE;
    if (mprotect(page, PAGE, PROT_READ | PROT_WRITE)) {
      die("mprotect");
    }
    if (i % 16 == 0) {
      fill_text(page, &random);
    }
  }
  if (missing % 2 && mprotect(cut + (reserved - 1) * PAGE, PAGE, PROT_READ)) {
    die("mprotect");
  }
  go = spare >= 2;
  say("ready");
  for (int c; (c = getchar()) != EOF;) {
    if (c == '\n') {
      for (int i = 0; i < 1000; i++) {
        fill_text(large + below(&random, pages) * PAGE, &random);
      }
      printf("%ld\n", refusals);
      fflush(stdout);
    }
  }
}
