package io.predump.engine;

import com.sun.jna.Pointer;
import io.predump.images.FrameCodec;
import io.predump.linux.IoctlBinding;
import io.predump.linux.PageRegion;
import io.predump.linux.Pid;
import io.predump.linux.PmScanArg;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PageCategories;
import io.predump.linux.mem.PagemapScanner;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What is done for each page apart from the kernel's part, in nanoseconds a page: {@code ./build
 * microbench}. Frames hold 256 pages, half text and half bytes that do not compress.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PageMicrobenchmark {
  private static final int PAGES = 256;
  private static final int REGIONS = 16_384;
  private static final long BASE = 0x7f00_0000_0000L;
  private static final long LISTED = PageCategories.WRITTEN | PageCategories.PRESENT;

  private final byte[] page = new byte[PageTable.PAGE_BYTES];
  private final PageBatch zeros = new PageBatch(PAGES);
  private final PageBatch data = new PageBatch(PAGES);
  private final ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(PAGES << 12));
  private final FrameCodec codec = new FrameCodec(1);
  private final PageHash hash = PageHash.withRandomSeed();
  private final PageTable table = new PageTable();
  private PagemapScanner scanner;
  private WrittenScan scan;

  /** Fills a batch of each kind; every second page of the table is one the kernel lists. */
  @Setup
  public void fill() throws SyscallException {
    zeros.bytes = ByteBuffer.allocateDirect(PAGES << 12);
    data.bytes = ByteBuffer.allocateDirect(PAGES << 12);
    Random random = new Random(1);
    byte[] text = new byte[PageTable.PAGE_BYTES];
    for (int i = 0; i < PAGES; i++) {
      random.nextBytes(text);
      if (i % 2 == 0) {
        byte[] words = ("key-" + i + " value ").repeat(400).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(words, 0, text, 64, text.length - 64);
      }
      data.bytes.put(i << 12, text);
    }
    scanner = PagemapScanner.open(Pid.self(), alternating(), REGIONS);
    scan = new WrittenScan(scanner, 0, 0);
  }

  /** A kernel that lists every second page, whatever it is asked. */
  private static IoctlBinding alternating() {
    return (fd, request, argument) -> {
      ByteBuffer arg = memory(argument, PmScanArg.BYTES);
      ByteBuffer vec = memory(arg.getLong(PmScanArg.VEC), REGIONS * PageRegion.BYTES);
      for (int i = 0; i < REGIONS; i++) {
        long start = BASE + ((long) i << 13);
        vec.putLong(i * PageRegion.BYTES + PageRegion.START, start);
        vec.putLong(i * PageRegion.BYTES + PageRegion.END, start + PageTable.PAGE_BYTES);
        vec.putLong(i * PageRegion.BYTES + PageRegion.CATEGORIES, LISTED);
      }
      arg.putLong(PmScanArg.WALK_END, arg.getLong(PmScanArg.END));
      return REGIONS;
    };
  }

  private static ByteBuffer memory(long address, int bytes) {
    return new Pointer(address).getByteBuffer(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Frees what is not on the heap. */
  @TearDown
  public void free() {
    scanner.close();
    codec.close();
  }

  /** Takes the regions of one scan out of the kernel's memory, per region. */
  @Benchmark
  @OperationsPerInvocation(REGIONS)
  public int scanParsing() throws SyscallException {
    scan.clear();
    scan.collect(BASE, BASE + ((long) REGIONS << 13));
    return scan.runCount();
  }

  /** Lists pages as written, collects them for a round and settles them, per page. */
  @Benchmark
  @OperationsPerInvocation(REGIONS)
  public long pageTableUpdate() {
    table.list(BASE, BASE + ((long) REGIONS << 12), true, false);
    RunList runs = new RunList();
    table.collectOwed(BASE, BASE + ((long) REGIONS << 12), runs, RunList.DROP_ZERO);
    PageTable.Cursor cursor = table.cursor();
    for (int i = 0; i < REGIONS; i++) {
      cursor.settleStored(BASE + ((long) i << 12), i, i);
    }
    table.sealRound();
    return runs.cut(CopyPipeline.JOB_PAGES).totalPages();
  }

  /** Tests pages that are all zero, per page. */
  @Benchmark
  @OperationsPerInvocation(PAGES)
  public int zeroTest() {
    int found = 0;
    for (int i = 0; i < PAGES; i++) {
      found += zeros.isZero(i, page) ? 1 : 0;
    }
    return found;
  }

  /** Copies pages to the heap and hashes them, per page. */
  @Benchmark
  @OperationsPerInvocation(PAGES)
  public long hashing() {
    long sum = 0;
    for (int i = 0; i < PAGES; i++) {
      data.bytes.get(i << PageTable.PAGE_SHIFT, page);
      sum += hash.of(page).getLeastSignificantBits();
    }
    return sum;
  }

  /** Compresses a frame at level 1, per page. */
  @Benchmark
  @OperationsPerInvocation(PAGES)
  public int frameCompression() {
    frame.clear();
    return codec.compress(data.bytes.duplicate(), frame);
  }
}
