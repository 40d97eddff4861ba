/* floor PID OUT [threads=2] [level=1] [unit_mib=1] [duties=0]: the least work a first round can do, in C, for comparison.
 *
 * It copies the private writable memory of PID into the file OUT. First it asks PAGEMAP_SCAN, mapping by mapping, which
 * pages are in memory or in swap and not the zero page, and cuts the answer into jobs of at most `unit_mib`. Then
 * `threads` threads take one job after the other: read it through /proc/PID/mem, compress it as one zstd frame with its
 * checksum, write it where the file ends. (process_vm_readv reads faster, but pins pages, which can cost a target that forks
 * its data: no copy of a process that lives on may use it.) Nothing is tracked, described or checked: whoever is as fast wastes nothing.
 *
 * With duties=1 it also does what an honest round owes: test each page for zeros, XXH3-128 of each page and of each
 * compressed frame, fdatasync at the end.
 *
 * It prints one line of key=value pairs; seconds are wall clock, except cpu_s, which is what all threads together spent on a
 * processor; gb_per_s is source bytes over the total time.
 * Build: cc -O2 floor.c -lzstd -lpthread, with libzstd-dev and libxxhash-dev. Needs Linux 6.7 and the rights of ptrace. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <zstd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "target.h"

/* struct page_region and struct pm_scan_arg of include/uapi/linux/fs.h, Linux 6.7, which older headers lack. */
typedef struct {
  uint64_t start, end, categories;
} PageRegion;

typedef struct {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
} ScanArguments;

#define SCAN _IOWR('f', 16, ScanArguments)

enum { IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4, IS_ZERO_PAGE = 1 << 5 };
enum { REGIONS_PER_SCAN = 65536, MOST_THREADS = 64 };

typedef struct {
  size_t first_run, run_count;
} Job;

static pid_t pid;
static int out, memory, level, duties;
static size_t unit;

/* What to copy: runs of pages in address order, each at most `unit`, and jobs of neighbouring runs, together at most
 * `unit`. Complete before the threads start. */
static struct iovec *runs;
static size_t run_count, run_capacity;
static Job *jobs;
static size_t job_count;

/* What the threads share. `digest` only keeps the compiler from leaving the hashing out. */
static atomic_size_t next_job;
static atomic_ullong stored_bytes, raw_bytes, lost_bytes, zero_pages, digest;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_seconds(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

static void *allocated(void *memory) {
  if (memory == NULL) {
    die("out of memory");
  }
  return memory;
}

static void add_run(uint64_t start, uint64_t end) {
  if (run_count == run_capacity) {
    run_capacity = run_capacity == 0 ? 4096 : run_capacity * 2;
    runs = allocated(realloc(runs, run_capacity * sizeof *runs));
  }
  runs[run_count++] = (struct iovec){(void *)start, end - start};
}

/* Adds the populated pages of [start, end), cut at each `unit` from where a populated stretch begins. */
static void scan(int pagemap, uint64_t start, uint64_t end, PageRegion *regions) {
  while (start < end) {
    ScanArguments arguments = {
        .size = sizeof arguments,
        .start = start,
        .end = end,
        .vec = (uintptr_t)regions,
        .vec_len = REGIONS_PER_SCAN,
        .category_inverted = IS_ZERO_PAGE, /* with the mask: only pages that are not the zero page */
        .category_mask = IS_ZERO_PAGE,
        .category_anyof_mask = IS_PRESENT | IS_SWAPPED,
        .return_mask = IS_PRESENT | IS_SWAPPED,
    };
    int found = ioctl(pagemap, SCAN, &arguments);
    if (found < 0 && errno == EINTR) {
      continue;
    }
    if (found < 0) {
      die("PAGEMAP_SCAN");
    }
    for (int i = 0; i < found; i++) {
      for (uint64_t at = regions[i].start; at < regions[i].end; at += unit) {
        add_run(at, at + unit < regions[i].end ? at + unit : regions[i].end);
      }
    }
    start = arguments.walk_end;
  }
}

static void scan_process(void) {
  char path[64], line[8192];
  snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
  int pagemap = open(path, O_RDONLY);
  if (pagemap < 0) {
    die(path);
  }
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "r");
  if (maps == NULL) {
    die(path);
  }
  PageRegion *regions = allocated(malloc(REGIONS_PER_SCAN * sizeof *regions));
  while (fgets(line, sizeof line, maps)) {
    uint64_t start, end;
    char rights[5];
    if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 && rights[1] == 'w' && rights[3] == 'p') {
      scan(pagemap, start, end, regions);
    }
  }
  free(regions);
  fclose(maps);
  close(pagemap);
}

/* Packs neighbouring runs into jobs. */
static void plan(void) {
  jobs = allocated(malloc((run_count + 1) * sizeof *jobs));
  for (size_t i = 0; i < run_count;) {
    Job job = {i, 0};
    for (size_t bytes = 0; i < run_count && bytes + runs[i].iov_len <= unit; i++) {
      bytes += runs[i].iov_len;
      job.run_count++;
    }
    jobs[job_count++] = job;
  }
}

/* Reads a job's runs one behind the other. What the target gave back meanwhile is counted as lost and left out. */
static size_t read_job(Job job, char *to) {
  size_t bytes = 0;
  for (size_t i = 0; i < job.run_count; i++) {
    const struct iovec *from = runs + job.first_run + i;
    ssize_t got = pread(memory, to + bytes, from->iov_len, (off_t)(uintptr_t)from->iov_base);
    size_t good = got > 0 ? (size_t)got : 0;
    lost_bytes += from->iov_len - good;
    bytes += good;
  }
  return bytes;
}

/* Zero test and hash of every page: what a round needs to leave pages out and to know them again. */
static void examine(const char *pages, size_t bytes) {
  uint64_t mixed = 0;
  size_t zeros = 0;
  for (const char *page = pages; page < pages + bytes; page += PAGE) {
    const uint64_t *words = (const uint64_t *)page;
    uint64_t any = 0;
    for (int i = 0; i < WORDS_PER_PAGE; i++) {
      any |= words[i];
    }
    zeros += any == 0;
    mixed ^= XXH3_128bits(page, PAGE).low64;
  }
  zero_pages += zeros;
  digest ^= mixed;
}

static void *copy(void *unused) {
  (void)unused;
  size_t frame_capacity = ZSTD_compressBound(unit);
  char *pages = allocated(aligned_alloc(PAGE, unit)), *frame = allocated(malloc(frame_capacity));
  ZSTD_CCtx *zstd = allocated(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
  for (size_t job; (job = next_job++) < job_count;) {
    size_t bytes = read_job(jobs[job], pages);
    if (duties) {
      examine(pages, bytes);
    }
    size_t stored = ZSTD_compress2(zstd, frame, frame_capacity, pages, bytes);
    if (ZSTD_isError(stored)) {
      fprintf(stderr, "zstd: %s\n", ZSTD_getErrorName(stored));
      exit(1);
    }
    if (duties) {
      digest ^= XXH3_128bits(frame, stored).low64;
    }
    raw_bytes += bytes;
    if (pwrite(out, frame, stored, (off_t)atomic_fetch_add(&stored_bytes, stored)) != (ssize_t)stored) {
      die("pwrite");
    }
  }
  ZSTD_freeCCtx(zstd);
  free(frame);
  free(pages);
  return NULL;
}

int main(int argc, char **argv) {
  const char *text = "floor PID OUT [threads=2] [level=1] [unit_mib=1] [duties=0]";
  if (argc < 3 || argc > 7) {
    usage(text);
  }
  pid = (pid_t)number(argv[1], 1, 1 << 30, text);
  int threads = argc > 3 ? (int)number(argv[3], 1, MOST_THREADS, text) : 2;
  level = argc > 4 ? (int)number(argv[4], -7, 22, text) : 1;
  unit = (argc > 5 ? (size_t)number(argv[5], 1, 1024, text) : 1) * MIB;
  duties = argc > 6 && number(argv[6], 0, 1, text) != 0;

  double started = seconds();
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  memory = open(path, O_RDONLY | O_CLOEXEC);
  if (memory < 0) {
    die(path);
  }
  out = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (out < 0) {
    die(argv[2]);
  }
  scan_process();
  double scanned = seconds();
  plan();
  pthread_t thread[MOST_THREADS];
  for (int i = 0; i < threads; i++) {
    if (pthread_create(&thread[i], NULL, copy, NULL)) {
      die("pthread_create");
    }
  }
  for (int i = 0; i < threads; i++) {
    pthread_join(thread[i], NULL);
  }
  if (duties && fdatasync(out)) {
    die("fdatasync");
  }
  double copied = seconds();

  double total = copied - started;
  printf("raw_bytes=%llu stored_bytes=%llu lost_bytes=%llu scan_s=%.4f copy_s=%.4f total_s=%.4f gb_per_s=%.3f ratio=%.2f duties=%d "
         "zero_pages=%llu cpu_s=%.4f zstd=%s\n",
         (unsigned long long)raw_bytes, (unsigned long long)stored_bytes, (unsigned long long)lost_bytes, scanned - started,
         copied - scanned, total, (double)raw_bytes / total / 1e9, (double)raw_bytes / (double)(stored_bytes ? stored_bytes : 1), duties,
         (unsigned long long)zero_pages, cpu_seconds(), ZSTD_versionString());
  return 0;
}
