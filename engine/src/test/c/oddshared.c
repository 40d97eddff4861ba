/* oddshared: shared memory whose size is no multiple of the page's.
 *
 * It maps a memfd of 5000 bytes and a file of 56 bytes in /dev/shm, fills both to their last byte, and prints "ready".
 * Each line of input fills them anew and is answered by "done". Their last page can only be read in part. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "target.h"

enum { MEMFD_BYTES = 5000, SHM_BYTES = 56 };

static char *map_sized(int file, size_t bytes) {
  if (file < 0 || ftruncate(file, (off_t)bytes)) {
    die("ftruncate");
  }
  char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) {
    die("mmap");
  }
  return at;
}

int main(void) {
  char path[] = "/dev/shm/predump-oddshared-XXXXXX";
  char *memfd = map_sized(memfd_create("odd", MFD_CLOEXEC), MEMFD_BYTES);
  char *shm = map_sized(mkostemp(path, O_CLOEXEC), SHM_BYTES);
  unlink(path);
  const char *answer = "ready";
  char line[64];
  int byte = 1;
  do {
    memset(memfd, byte, MEMFD_BYTES);
    memset(shm, byte, SHM_BYTES);
    byte = byte % 127 + 1;
    say(answer);
    answer = "done";
  } while (fgets(line, sizeof line, stdin));
  return 0;
}
