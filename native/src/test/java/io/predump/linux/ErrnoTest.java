package io.predump.linux;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.testkit.CProgram;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ErrnoTest {
  @Test
  void namesAreThoseOfTheCLibraryForEveryKnownNumber() throws IOException {
    StringBuilder ours = new StringBuilder();
    for (int i = 1; i < Errno.knownEnd(); i++) {
      String name = new Errno(i).name();
      ours.append(i).append(' ').append(name.startsWith("errno") ? "" : name).append('\n');
    }

    String theirs = CProgram.resource(ErrnoTest.class, "errno.c").output();

    // The C library prefers the other of two names for one number.
    assertThat(ours.toString()).isEqualTo(theirs.replace("95 ENOTSUP\n", "95 EOPNOTSUPP\n"));
  }

  @Test
  void unknownNumbersStayNumbers() {
    assertThat(new Errno(999).name()).isEqualTo("errno 999");
    assertThat(new Errno(-1).name()).isEqualTo("errno -1");
    assertThat(new Errno(41).name()).isEqualTo("errno 41");
  }

  @Test
  void anExceptionNamesCallAndErrno() {
    SyscallException e =
        new SyscallException("ioctl(/proc/3428/pagemap, PAGEMAP_SCAN, 0x1000-0x2000)", Errno.ESRCH);

    assertThat(e).hasMessage("ioctl(/proc/3428/pagemap, PAGEMAP_SCAN, 0x1000-0x2000): ESRCH");
    assertThat(e.is(Errno.ESRCH)).isTrue();
    assertThat(e.is(Errno.EPERM)).isFalse();
  }
}
