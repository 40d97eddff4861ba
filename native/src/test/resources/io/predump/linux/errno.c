/* Prints the C library's name of each error number, for ErrnoTest. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

int main(void) {
  for (int i = 1; i < 134; i++) {
    const char *name = strerrorname_np(i);
    printf("%d %s\n", i, name ? name : "");
  }
  return 0;
}
