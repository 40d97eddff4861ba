/* The veil: preloaded into criu, it hides the private pages of other processes from it. criu asks for them by the ioctl
 * PAGEMAP_SCAN on /proc/PID/pagemap, before Linux 6.7 by reading that file; the answer here is that nothing is resident,
 * so criu writes everything but private memory. Left alone: scans for guard pages (criu 4.2 learns of them that way, and
 * a guard page it does not know comes back as plain memory), criu's own pagemap (it tries the kernel out on itself), and
 * every other call.
 *
 * That it answered at least once is shown by the file that PREDUMP_VEIL_SIGN names: without it nobody knows whether the
 * loader took the library at all.
 *
 * Needs nothing of the C library but symbols every version has. Numbers: include/uapi/linux/fs.h, Linux 6.7 and 6.15. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef struct {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
} ScanArguments;

static const unsigned long pagemap_scan = _IOWR('f', 16, ScanArguments);
static const uint64_t page_is_guard = 1 << 8;

/* A decimal number, and that it is all digits. */
static char *put_number(char *at, unsigned long number) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
  } while ((number /= 10) != 0);
  while (count > 0) {
    *at++ = digits[--count];
  }
  *at = 0;
  return at;
}

/* Whether the descriptor is /proc/PID/pagemap of another process. */
static int hides(int fd) {
  char name[40] = "/proc/self/fd/", path[64], own[40] = "/proc/";
  const char *last;
  ssize_t length;
  int error = errno;
  if (fd < 0) {
    return 0;
  }
  put_number(name + strlen(name), (unsigned long)fd);
  length = syscall(SYS_readlinkat, AT_FDCWD, name, path, sizeof path - 1);
  errno = error;
  if (length <= 0) {
    return 0;
  }
  path[length] = 0;
  last = strrchr(path, '/');
  if (strncmp(path, "/proc/", 6) || last == NULL || strcmp(last, "/pagemap")) {
    return 0;
  }
  strcpy(put_number(own + strlen(own), (unsigned long)syscall(SYS_getpid)), "/pagemap");
  return strcmp(path, own) != 0;
}

static void leave_sign(void) {
  static int left;
  const char *sign = getenv("PREDUMP_VEIL_SIGN");
  int error = errno;
  if (!left && sign != NULL) {
    long fd = syscall(SYS_openat, AT_FDCWD, sign, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
      left = 1;
      syscall(SYS_close, fd);
    }
  }
  errno = error;
}

EXPORTED int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  if (request == pagemap_scan && !(((ScanArguments *)argument)->category_mask & page_is_guard) && hides(fd)) {
    ScanArguments *scan = argument;
    scan->walk_end = scan->end;
    leave_sign();
    return 0;
  }
  return (int)syscall(SYS_ioctl, fd, request, argument);
}

EXPORTED ssize_t pread(int fd, void *to, size_t bytes, off_t offset) {
  if (hides(fd)) {
    memset(to, 0, bytes);
    leave_sign();
    return (ssize_t)bytes;
  }
  return syscall(SYS_pread64, fd, to, bytes, offset);
}

EXPORTED ssize_t pread64(int fd, void *to, size_t bytes, off64_t offset) { return pread(fd, to, bytes, offset); }

/* What a compiler that fortifies makes of pread: the room is known there, and larger. */
EXPORTED ssize_t __pread64_chk(int fd, void *to, size_t bytes, off64_t offset, size_t room) {
  if (bytes > room) {
    abort();
  }
  return pread(fd, to, bytes, offset);
}

EXPORTED ssize_t __pread_chk(int fd, void *to, size_t bytes, off_t offset, size_t room) {
  return __pread64_chk(fd, to, bytes, offset, room);
}
