/* A target that does to its memory what it is told, one line a time. Pages are numbered. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL

int main(int argc, char **argv) {
  unsigned long pages = argc > 1 ? strtoul(argv[1], 0, 0) : 64;
  /* PROT_NONE around it, so that no neighbour is merged with it. */
  char *whole = mmap(0, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *mem = whole + PAGE;
  if (mmap(mem, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != mem)
    return 1;
  setvbuf(stdout, 0, _IONBF, 0);
  printf("%lx\n", (unsigned long)mem);
  char line[256];
  while (fgets(line, sizeof line, stdin)) {
    char op = 0;
    unsigned long page = 0, value = 0;
    sscanf(line, "%c %lu %lu", &op, &page, &value);
    char *at = mem + page * PAGE;
    switch (op) {
      case 'w': *at = (char)value; break;                                     /* write a byte */
      case 'd': madvise(at, value * PAGE, MADV_DONTNEED); break;               /* drop pages */
      case 'p': mprotect(at, value * PAGE, PROT_NONE); break;
      case 'u': munmap(at, value * PAGE); break;
      case 'm':                                                                /* map anew */
        if (mmap(at, value * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at) return 1;
        memset(at, 'n', value * PAGE);
        break;
      case 's': {                                                              /* shared file */
        int fd = memfd_create("predump test", 0);
        if (fd < 0 || ftruncate(fd, value * PAGE)) return 1;
        if (mmap(at, value * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != at) return 1;
        at[0] = 's';
        at[(value - 1) * PAGE] = 't';
        break;
      }
      case 'x': puts("ok"); execl("/bin/sleep", "sleep", "60", (char *)0); return 1;
      case 'q': return 0;
    }
    puts("ok");
  }
  return 0;
}
