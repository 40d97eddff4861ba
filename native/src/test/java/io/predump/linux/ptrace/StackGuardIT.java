package io.predump.linux.ptrace;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.proc.ProcStatus;
import io.predump.linux.ptrace.UserfaultfdInjection.Form;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A main thread that comes deeper than ever before, just while another one's frame lies there. */
@Tag("linux-6.12")
class StackGuardIT {
  private static final int PATIENCE_MILLIS = 500;

  @AfterEach
  void disarm() {
    UserfaultfdInjection.boundary = Boundary.NONE;
  }

  @Test
  void whatItPutsThereStays() throws IOException {
    assertThat(stackAfter(Form.NORMAL)).isEqualTo("whole");
  }

  /** As where it waits in a call that must not be interrupted: it is not held. */
  @Test
  void whatItPutsThereIsNotOverwritten() throws IOException {
    assertThat(stackAfter(Form.WITHOUT_STACK_GUARD)).isEqualTo("whole");
  }

  /** The control. */
  @Test
  void whoNeitherHoldsItNorLooksAgainDestroysIt() throws IOException {
    assertThat(stackAfter(Form.BLIND)).isNotEqualTo("whole");
  }

  /**
   * Has the main thread descend 160 KiB while another one is stopped; returns what it says then.
   */
  private static String stackAfter(Form form) throws IOException {
    try (LiveTarget target =
        LiveTarget.start(CProgram.resource(LiveTarget.class, "awkward.c"), "descend", "500")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      LiveTarget.pause(20);
      List<Integer> tids = ProcStatus.threads(target.pid());
      int other = tids.get(tids.size() - 1);
      assertThat(other).isNotEqualTo(target.pid().number());
      UserfaultfdInjection.boundary =
          act -> {
            if (act.equals("pidfd_getfd")) {
              wake(target);
            }
          };

      Injected injected = UserfaultfdInjection.injectThread(target.pid(), other, form);

      injected.userfaultfd().close();
      assertThat(injected.crashSafe()).isTrue();
      assertThat(target.nextLine()).isEqualTo("deep");
      target.tell("b");
      return answer(target);
    }
  }

  private static void wake(LiveTarget target) {
    try {
      target.tell("a");
      for (int i = 0; i < PATIENCE_MILLIS && !target.hasNextLine(); i++) {
        LiveTarget.pause(1);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What it says, or that it is dead. */
  private static String answer(LiveTarget target) throws IOException {
    while (target.isAlive()) {
      if (target.hasNextLine()) {
        return target.nextLine();
      }
      LiveTarget.pause(1);
    }
    return "dead";
  }
}
