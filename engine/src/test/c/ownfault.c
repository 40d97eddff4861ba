/* ownfault: a process that begins to use a userfaultfd of its own when asked.
 *
 * It has 4 MiB with content and prints "ready". Each line of input makes it register the first MiB, which is populated, for
 * missing pages, open a descriptor for that if it has none, write a hundred pages, and print the errno, 0 if it worked. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "target.h"

int main(void) {
  size_t pages = 4 * MIB / PAGE;
  char *memory = map_private(pages * PAGE);
  Random random = random_of(5);
  for (size_t i = 0; i < pages; i++) {
    fill_text(memory + i * PAGE, &random);
  }
  say("ready");
  long own = -1;
  for (int c; (c = getchar()) != EOF;) {
    if (c != '\n') {
      continue;
    }
    if (own < 0) {
      struct uffdio_api api = {.api = UFFD_API};
      own = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
      if (own < 0 || ioctl((int)own, UFFDIO_API, &api)) {
        die("userfaultfd");
      }
    }
    struct uffdio_register range = {.range = {(uintptr_t)memory, MIB}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    int failed = ioctl((int)own, UFFDIO_REGISTER, &range) ? errno : 0;
    for (int i = 0; i < 100; i++) {
      fill_text(memory + below(&random, pages) * PAGE, &random);
    }
    printf("%d\n", failed);
    fflush(stdout);
  }
}
