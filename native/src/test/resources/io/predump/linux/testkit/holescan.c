/* holescan ANY_OF: what a protecting scan does to hugetlb memory in which nothing is yet.
 *
 * A child maps a huge page, touches nothing, has a userfaultfd protect it asynchronously, and lets PAGEMAP_SCAN protect
 * whatever is of one of the categories ANY_OF (a number; 0: everything, holes too). One line tells what became of it:
 *
 *   returned         the call came back
 *   hangs            it did not, for 5 s, nor did the child die of SIGKILL within 5 s more: it stays for ever
 *   lacking WHY      there are no huge pages, or the kernel has no such scan */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* include/uapi/linux/fs.h and userfaultfd.h, Linux 6.7: the headers here may be older. */
struct scan {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask, category_anyof_mask,
      return_mask;
};
struct api {
  uint64_t api, features, ioctls;
};
struct registration {
  uint64_t start, len, mode, ioctls;
};

enum { BYTES = 2 << 20, WP_MATCHING = 1, CHECK_WPASYNC = 2, MODE_WP = 2, LACKING = 2 };
#define WP_ASYNC (1 << 15)
#define PRESENT_OR_SWAPPED 0x18

/* Nothing else lies within that GiB, so there is no page table yet: that makes the hole. */
#define ALONE ((char *)0x100000000000)

/* In the child: exits with 0, or LACKING. */
static int scan(uint64_t any_of) {
  char *at = mmap(ALONE, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
  int userfaultfd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  struct api api = {0xaa, WP_ASYNC, 0};
  struct registration registration = {(uint64_t)at, BYTES, MODE_WP, 0};
  if (at == MAP_FAILED || userfaultfd < 0 || pagemap < 0 || ioctl(userfaultfd, _IOWR(0xaa, 0x3f, struct api), &api) ||
      ioctl(userfaultfd, _IOWR(0xaa, 0, struct registration), &registration)) {
    return LACKING;
  }
  uint64_t regions[3 * 16];
  struct scan argument = {.size = sizeof argument,
                          .flags = WP_MATCHING | CHECK_WPASYNC,
                          .start = (uint64_t)at,
                          .end = (uint64_t)at + BYTES,
                          .vec = (uint64_t)regions,
                          .vec_len = 16,
                          .category_anyof_mask = any_of,
                          .return_mask = PRESENT_OR_SWAPPED};
  return ioctl(pagemap, _IOWR('f', 16, struct scan), &argument) < 0 ? LACKING : 0;
}

/* Its exit status, or -1 if it has not ended within so many seconds. */
static int ended(pid_t pid, int seconds) {
  int status;
  for (int i = 0; i < 100 * seconds; i++) {
    if (waitpid(pid, &status, WNOHANG) == pid) {
      return status;
    }
    usleep(10000);
  }
  return -1;
}

int main(int argc, char **argv) {
  uint64_t any_of = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
  pid_t pid = fork();
  if (pid == 0) {
    /* Whoever reads our output must not wait for one that never ends. */
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    _exit(scan(any_of));
  }
  int status = ended(pid, 5);
  if (status < 0) {
    kill(pid, SIGKILL);
    status = ended(pid, 5);
    puts(status < 0 ? "hangs" : "slow");
  } else if (status == 0) {
    puts("returned");
  } else {
    puts("lacking huge pages, or the kernel's scan");
  }
  return 0;
}
