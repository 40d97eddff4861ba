package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class CopyBudgetTest {
  @Test
  void toolsAreLentInTheOrderOfAsking() throws Exception {
    try (CopyBudget budget = new CopyBudget(1, 1, CopyLimits.NONE)) {
      CopyTools tools = budget.borrow(() -> false);
      List<Integer> order = new CopyOnWriteArrayList<>();
      List<Thread> waiting = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        int number = i;
        Thread thread =
            new Thread(
                () -> {
                  try {
                    CopyTools lent = budget.borrow(() -> false);
                    assertThat(lent).isSameAs(tools);
                    order.add(number);
                    budget.giveBack(lent);
                  } catch (CancelledException e) {
                    order.add(-1);
                  }
                });
        waiting.add(thread);
        thread.start();
        awaitWaiting(thread);
      }
      assertThat(budget.wanted()).isTrue();
      budget.giveBack(tools);
      for (Thread thread : waiting) {
        thread.join();
      }
      assertThat(order).containsExactly(0, 1, 2, 3, 4);
      assertThat(budget.wanted()).isFalse();
    }
  }

  /**
   * A thread inherits the rights on files of the one that starts it, as it inherits such values.
   */
  @Test
  void itsThreadsAreStartedByNoBorrower() throws Exception {
    InheritableThreadLocal<String> identity = new InheritableThreadLocal<>();
    try (CopyBudget budget = new CopyBudget(1, 1, CopyLimits.NONE)) {
      identity.set("of an unprivileged user");
      CopyTools tools = budget.borrow(() -> false);
      assertThat(tools.executor().submit(identity::get).get()).isNull();
      budget.giveBack(tools);
    }
    try (CopyBudget alone = CopyBudget.ofOne(1)) {
      CopyTools tools = alone.borrow(() -> false);
      assertThat(tools.executor().submit(identity::get).get()).as("control").isNotNull();
      alone.giveBack(tools);
    }
  }

  @Test
  void whoIsCancelledLeavesTheQueueAndTheNextHasItsTurn() throws Exception {
    try (CopyBudget budget = new CopyBudget(1, 1, CopyLimits.NONE)) {
      CopyTools tools = budget.borrow(() -> false);
      AtomicBoolean cancelled = new AtomicBoolean();
      List<String> ends = new CopyOnWriteArrayList<>();
      Thread first = new Thread(() -> ends.add(outcome(budget, cancelled)));
      first.start();
      awaitWaiting(first);
      Thread second = new Thread(() -> ends.add(outcome(budget, new AtomicBoolean())));
      second.start();
      awaitWaiting(second);
      cancelled.set(true);
      budget.wake();
      first.join();
      assertThat(ends).containsExactly("cancelled");
      budget.giveBack(tools);
      second.join();
      assertThat(ends).containsExactly("cancelled", "lent");
    }
  }

  private static String outcome(CopyBudget budget, AtomicBoolean cancelled) {
    try {
      budget.giveBack(budget.borrow(cancelled::get));
      return "lent";
    } catch (CancelledException e) {
      return "cancelled";
    }
  }

  private static void awaitWaiting(Thread thread) throws InterruptedException {
    while (thread.getState() != Thread.State.WAITING) {
      Thread.sleep(1);
    }
  }

  @Test
  void soManyCopiesFitIntoMemory() {
    long each = (6L + 4) * CopyPipeline.JOB_BYTES + (128L << 20);
    assertThat(CopyBudget.copiesWithin(5 * each, 2, 128L << 20)).isEqualTo(5);
    assertThat(CopyBudget.copiesWithin(5 * each - 1, 2, 128L << 20)).isEqualTo(4);
    assertThat(CopyBudget.copiesWithin(1, 2, 128L << 20)).isEqualTo(1);
    assertThatThrownBy(() -> new CopyBudget(0, 1, CopyLimits.NONE))
        .hasMessage("copies=0 threads=1: at least 1 each");
  }
}
