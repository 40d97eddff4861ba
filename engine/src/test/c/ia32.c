/* ia32: a 32-bit program that needs no 32-bit library. It prints "ready" and counts, a step a millisecond. */
static int call(int number, int first, const void *second, int third) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
  return result;
}

static volatile int steps;

void _start(void) {
  static const int millisecond[2] = {0, 1000000};
  call(4, 1, "ready\n", 6); /* write */
  for (;;) {
    steps++;
    call(162, (int)millisecond, 0, 0); /* nanosleep */
  }
}
