/* What the C targets share: a seeded generator, page contents, and a clean way to give up.
 *
 * The targets are the processes whose memory is copied in tests and benchmarks. They allocate with mmap alone, so that
 * what lies in their memory is what they put there. x86-64 Linux; 4 KiB pages. */
#ifndef PREDUMP_TARGET_H
#define PREDUMP_TARGET_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS_PER_PAGE = PAGE / 8 };

#define MIB ((size_t)1 << 20)

/* Ends the program: a target that cannot do its work must not look like one that does. */
static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline void usage(const char *text) {
  fprintf(stderr, "usage: %s\n", text);
  exit(2);
}

/* A number argument in [low, high], or the usage line. */
static inline double number(const char *argument, double low, double high, const char *usage_text) {
  char *end;
  double value = strtod(argument, &end);
  if (end == argument || *end != 0 || !(value >= low && value <= high)) {
    usage(usage_text);
  }
  return value;
}

/* xorshift64*: one multiplication per 8 bytes, so that filling several GiB is bound by page faults and not by us. */
typedef struct {
  uint64_t state;
} Random;

static inline Random random_of(uint64_t seed) {
  Random random = {(seed + 1) * 0x9e3779b97f4a7c15u}; /* spreads small seeds */
  if (random.state == 0) {
    random.state = 1; /* the one state the generator never leaves */
  }
  return random;
}

static inline uint64_t next(Random *random) {
  uint64_t x = random->state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  random->state = x;
  return x * 0x2545f4914f6cdd1du;
}

/* A number in [0, bound). */
static inline uint64_t below(Random *random, uint64_t bound) {
  return bound == 0 ? 0 : (next(random) >> 16) % bound;
}

/* Incompressible bytes. */
static inline void fill_random(void *page, Random *random) {
  uint64_t *words = page;
  for (int i = 0; i < WORDS_PER_PAGE; i++) {
    words[i] = next(random);
  }
}

/* Bytes that read and compress like text: 16 words of eight letters in random order, with a number now and then. */
static inline void fill_text(void *page, Random *random) {
  static const char vocabulary[16][9] = {"the page", " is writ", "ten and ", "then the", " kernel ", "notes it", " while a", " thread ",
                                         "copies m", "emory to", " a file ", "on disk ", "at once,", " in orde", "r of its", " address"};
  uint64_t words[16];
  for (int i = 0; i < 16; i++) {
    memcpy(&words[i], vocabulary[i], 8);
  }
  uint64_t *to = page;
  for (int i = 0; i < WORDS_PER_PAGE; i += 16) {
    uint64_t bits = next(random);
    for (int k = 0; k < 15; k++, bits >>= 4) {
      to[i + k] = words[bits & 15];
    }
    to[i + 15] = next(random);
  }
}

/* Anonymous private memory, not yet populated. */
static inline char *map_private(size_t bytes) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) {
    die("mmap");
  }
  return at;
}

/* Tells whoever started us that the memory is set up. */
static inline void say(const char *word) {
  puts(word);
  fflush(stdout);
}

#endif
