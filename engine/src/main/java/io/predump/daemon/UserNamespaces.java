package io.predump.daemon;

import io.predump.linux.Pid;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Which user namespace a process is in. */
final class UserNamespaces {
  private static final Peer SELF = ask();

  private UserNamespaces() {}

  /** {@return the namespace, such as {@code user:[4026531837]}; empty if it cannot be told} */
  static Optional<String> of(Pid pid) {
    try {
      return Optional.of(Files.readSymbolicLink(Path.of(pid.procPath("ns/user"))).toString());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** {@return ourselves; asked once, for the identity of a thread may differ later} */
  static Peer self() {
    return SELF;
  }

  private static Peer ask() {
    try {
      Pid self = Pid.self();
      Path own = Path.of(self.procPath("task"));
      int uid = (int) Files.getAttribute(own, "unix:uid");
      int gid = (int) Files.getAttribute(own, "unix:gid");
      return new Peer(uid, gid, self.number(), of(self).orElse(""));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
