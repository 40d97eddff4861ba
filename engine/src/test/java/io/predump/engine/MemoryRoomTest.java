package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.proc.MemoryGroup;
import org.junit.jupiter.api.Test;

final class MemoryRoomTest {
  private static final long MIB = 1 << 20;

  private static MemoryGroup group(long usedMib, long droppableMib) {
    return new MemoryGroup("/cg/x", "memory.max", 64 * MIB, usedMib * MIB, droppableMib * MIB);
  }

  @Test
  void whoHasMoreInSwapThanFitsIsRefusedWithTheNumbers() {
    assertThatThrownBy(() -> MemoryRoom.check("pid=7 (redis)", 20 * MIB, group(60, 0)))
        .isInstanceOf(TargetRefusedException.class)
        .hasMessage(
            "pid=7 (redis): copying it takes up to 21 MiB of its memory cgroup /cg/x (20 MiB lie in"
                + " swap and come back when they are read), which has room for 4 of its 64 MiB: the"
                + " kernel might kill it; raise memory.max there by 17 MiB first")
        .satisfies(e -> assertThat(((TargetRefusedException) e).kind()).isEqualTo(Kind.LACKING));
  }

  @Test
  void whatTheKernelCanDropIsRoom() {
    assertThatCode(() -> MemoryRoom.check("pid=7 (redis)", 20 * MIB, group(60, 17)))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> MemoryRoom.check("pid=7 (redis)", 20 * MIB, group(60, 16)))
        .isInstanceOf(TargetRefusedException.class);
  }

  @Test
  void withNothingInSwapAMarginIsWanted() {
    assertThatCode(() -> MemoryRoom.check("pid=7 (redis)", 0, group(63, 0)))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> MemoryRoom.check("pid=7 (redis)", 0, group(64, 0)))
        .isInstanceOf(TargetRefusedException.class);
  }
}
