package io.predump.linux.ptrace;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.NativeBuffer;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Hole 12: a thread stopped inside a restartable sequence would go on in it, no longer protected:
 * the kernel forgets the sequence when the registers change. The injection aborts it instead.
 */
@Tag("linux-6.12")
final class H12RestartableSequenceIT {
  private static LiveTarget awkward(String mode) throws IOException {
    return LiveTarget.start(CProgram.resource(LiveTarget.class, "awkward.c"), mode);
  }

  @Test
  void aRestartableSequenceIsAborted() throws IOException {
    try (LiveTarget target = awkward("sequence");
        Sequence sequence = new Sequence(target)) {
      for (int i = 0; i < 10; i++) {
        sequence.inject(true);
        await("entered again after the abort", sequence::isInside);
      }
    }
  }

  @Test
  void withoutTheRepairARestartableSequenceGoesOnUnprotected() throws IOException {
    try (LiveTarget target = awkward("sequence");
        Sequence sequence = new Sequence(target)) {
      sequence.inject(false);
      LiveTarget.pause(50);

      assertThat(sequence.isInside()).as("the kernel has forgotten the sequence").isFalse();
    }
  }

  /** A condition that may fail to be asked. */
  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void await(String what, Condition condition) throws IOException {
    long end = System.nanoTime() + 10_000_000_000L;
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as(what).isLessThan(end);
      LiveTarget.pause(2);
    }
  }

  /** The second thread of the target, which never leaves its sequence. */
  private static final class Sequence implements AutoCloseable {
    private final LiveTarget target;
    private final ProcessMemory memory;
    private final NativeBuffer local = NativeBuffer.allocate(4096);
    private final long rseq;
    private final long aborts;

    Sequence(LiveTarget target) throws IOException {
      this.target = target;
      String[] addresses = target.nextLine().split(" ", -1);
      // Only now: before its first line it may still be the shell that becomes it.
      this.memory = ProcessMemory.open(target.pid());
      this.rseq = Long.parseUnsignedLong(addresses[0], 16);
      this.aborts = Long.parseUnsignedLong(addresses[1], 16);
      await("inside the sequence", this::isInside);
    }

    boolean isInside() throws IOException {
      return read(rseq + 8) != 0;
    }

    long read(long address) throws IOException {
      assertThat(memory.pread(local.address(), 8, address)).as("bytes read").isEqualTo(8);
      return local.bytes().getLong(0);
    }

    void inject(boolean repair) throws IOException {
      int tid =
          ProcStatus.threads(target.pid()).stream()
              .filter(t -> t != target.pid().number())
              .findFirst()
              .orElseThrow();
      long before = read(aborts);
      UserfaultfdInjection.injectThread(
              target.pid(),
              tid,
              repair
                  ? UserfaultfdInjection.Form.NORMAL
                  : UserfaultfdInjection.Form.WITHOUT_RSEQ_REPAIR)
          .userfaultfd()
          .close();
      if (repair) {
        await("aborted", () -> read(aborts) > before);
      }
    }

    @Override
    public void close() {
      memory.close();
      local.close();
    }
  }
}
