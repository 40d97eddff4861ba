/* exiter DELAY_MS [STATUS]: a target that ends while it is being copied.
 *
 * It fills 64 MiB, prints "ready" and keeps rewriting that memory. DELAY_MS later, or at once upon SIGUSR1, it leaves
 * through _exit(STATUS), 0 unless given (DELAY_MS 0: upon SIGUSR1 only). The last committed round must stay good. */
#include "doomed.h"

int main(int argc, char **argv) {
  const char *text = "exiter DELAY_MS [STATUS]";
  if (argc < 2 || argc > 3) {
    usage(text);
  }
  int status = argc > 2 ? (int)number(argv[2], 0, 255, text) : 0;
  rewrite_until_told((int64_t)number(argv[1], 0, 1e9, text));
  _exit(status);
}
