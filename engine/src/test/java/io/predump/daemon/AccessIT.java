package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.DumpOptions;
import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.FinalMode;
import io.predump.engine.SessionOptions;
import io.predump.engine.Targets;
import io.predump.images.ImageChain;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import io.predump.proto.control.ProbeCall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an unprivileged peer may do, and with each rule off, that the test would notice. */
@Timeout(120)
final class AccessIT {
  private static final int USER = 54321;
  private static final Peer PEER = new Peer(USER, USER, 0, Peer.self().userNamespace());
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test").withThreads(1);
  private static final List<String> AS_USER =
      List.of("setpriv", "--reuid", "" + USER, "--regid", "" + USER, "--clear-groups");

  @TempDir Path directory;
  private final List<AutoCloseable> opened = new ArrayList<>();
  private Path home;

  @BeforeEach
  void makeAHome() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    home = Files.createDirectory(directory.resolve("home"));
    Files.setAttribute(home, "unix:uid", USER);
    Files.setAttribute(home, "unix:gid", USER);
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
  }

  private Sessions sessions(AccessRules rules) {
    Sessions sessions =
        new Sessions(
            SessionLimits.DEFAULT, new CopyBudget(1, 1, CopyLimits.NONE), rules, List.of());
    opened.add(0, sessions);
    return sessions;
  }

  private LiveTarget start(List<String> command) throws IOException {
    LiveTarget target = LiveTarget.start(command);
    opened.add(target);
    return target;
  }

  /** A process of the user's, once it runs as such. */
  private LiveTarget own(String... command) throws IOException {
    List<String> whole = new ArrayList<>(AS_USER);
    whole.addAll(List.of(command));
    LiveTarget target = start(whole);
    Targets.await(
        "it is the user's",
        () -> {
          ProcStatus status = ProcStatus.read(target.pid());
          return status.uid() == USER && status.name().equals(command[0]);
        });
    return target;
  }

  private static AttachRequest request(LiveTarget target, Path images) {
    return AttachRequest.of(target.pid(), images, OPTIONS);
  }

  private static void assertRefused(Sessions sessions, AttachRequest request) {
    assertThatThrownBy(() -> sessions.attach(PEER, request))
        .hasMessage("pid=" + request.target() + " is not user " + USER + "'s to copy");
  }

  @Test
  void aUsersOwnProcessIsCopiedIntoTheUsersOwnFiles() throws IOException {
    LiveTarget target = own("sleep", "1000");
    ManagedSession session =
        sessions(new AccessRules()).attach(PEER, request(target, home.resolve("images")));
    assertThat(session.round()).isPresent();
    assertThat(session.round()).isPresent();
    assertThat(session.finish(FinishRequest.of(FinalMode.FREEZE, true)).verify())
        .hasValueSatisfying(v -> assertThat(v.different()).isZero());
    try (Stream<Path> files = Files.walk(home)) {
      List<Path> all = files.toList();
      assertThat(all).hasSizeGreaterThan(15);
      for (Path file : all) {
        assertThat(Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS))
            .as(file.toString())
            .isEqualTo(USER);
        boolean open =
            PosixFilePermissions.toString(
                    Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS))
                .substring(3)
                .contains("r");
        assertThat(open && !Files.isSymbolicLink(file) && !file.equals(home))
            .as(file.toString())
            .isFalse();
      }
    }
  }

  @Test
  void processesOfOthersAreRefused() throws IOException {
    Sessions sessions = sessions(new AccessRules());
    Path images = home.resolve("images");
    assertRefused(sessions, request(start(List.of("sleep", "1000")), images));
    // not dumpable: it changed its user by itself
    LiveTarget changed =
        start(
            List.of(
                "python3",
                "-c",
                "import os,time; os.setresgid(%1$d,%1$d,%1$d); os.setresuid(%1$d,%1$d,%1$d);"
                        .formatted(USER)
                    + "print('ready', flush=True); time.sleep(1000)"));
    assertThat(changed.nextLine()).isEqualTo("ready");
    assertRefused(sessions, request(changed, images));
    LiveTarget own = own("sleep", "1000");
    Peer elsewhere = new Peer(USER, USER, 0, "user:[1]");
    assertThatThrownBy(() -> sessions.attach(elsewhere, request(own, images)))
        .hasMessageEndingWith("'s to copy");
    Peer nowhere = new Peer(USER, USER, 0, "");
    assertThatThrownBy(() -> sessions.attach(nowhere, request(own, images)))
        .hasMessageEndingWith("'s to copy");
    List<String> capable = new ArrayList<>(AS_USER);
    capable.addAll(
        List.of("--inh-caps", "+net_raw", "--ambient-caps", "+net_raw", "sleep", "1000"));
    LiveTarget strong = start(capable);
    Targets.await("it runs", () -> ProcStatus.read(strong.pid()).name().equals("sleep"));
    assertRefused(sessions, request(strong, images));
    assertThat(images).doesNotExist();
  }

  /** The control. */
  @Test
  void withoutTheRuleARootProcessIsCopied() throws IOException {
    LiveTarget roots = start(List.of("sleep", "1000"));
    Sessions sessions = sessions(new AccessRules(Safeguard.OWN_PROCESSES));
    AttachRequest request = request(roots, home.resolve("images"));
    assertThatThrownBy(() -> sessions.attach(PEER, request))
        .as("the kernel does not open its files in /proc with the user's rights")
        .hasMessageContaining("pid=" + roots.pid());
    Sessions open =
        sessions(
            new AccessRules(
                Safeguard.OWN_PROCESSES, Safeguard.OWN_CHILDREN, Safeguard.FILE_IDENTITY));
    assertThat(open.attach(PEER, request).round()).isPresent();
  }

  /** A shell of root's starts a child and becomes the user's: so would the parent of a sudo be. */
  private LiveTarget parentOfRoot() throws IOException {
    LiveTarget parent =
        start(
            List.of("sh", "-c", "sleep 1001 & exec " + String.join(" ", AS_USER) + " sleep 1000"));
    Targets.await(
        "it is the user's, with a child of root's",
        () ->
            ProcStatus.read(parent.pid()).name().equals("sleep")
                && ProcessTree.children(parent.pid()).size() == 1);
    ProcessTree.children(parent.pid())
        .forEach(child -> opened.add(() -> LibC.kill(child.number(), 9)));
    return parent;
  }

  @Test
  void aChildOfAnotherUserIsRefusedWithItsParent() throws IOException {
    LiveTarget parent = parentOfRoot();
    Pid child = ProcessTree.children(parent.pid()).get(0);
    assertThatThrownBy(
            () -> sessions(new AccessRules()).attach(PEER, request(parent, home.resolve("images"))))
        .hasMessage("pid=" + child + " is not user " + USER + "'s to copy");
    assertThat(home.resolve("images")).doesNotExist();
  }

  /** Nobody is stopped either to watch them. */
  @Test
  void aChildOfAnotherUserIsNotProbedWithItsParent() throws IOException {
    LiveTarget parent = parentOfRoot();
    Pid child = ProcessTree.children(parent.pid()).get(0);
    ProbeCall call =
        ProbeCall.newBuilder().setPid(parent.pid().number()).setDurationMicros(400_000).build();
    assertThatThrownBy(() -> sessions(new AccessRules()).probe(PEER, call, OPTIONS))
        .hasMessage("pid=" + child + " is not user " + USER + "'s to copy");
    assertThat(sessions(new AccessRules(Safeguard.OWN_CHILDREN)).probe(PEER, call, OPTIONS))
        .as("control")
        .isNotNull();
  }

  /** The control: root's memory lies in the user's files. */
  @Test
  void withoutTheRuleForChildrenRootsMemoryIsInTheImages() throws IOException {
    LiveTarget parent = parentOfRoot();
    ManagedSession session =
        sessions(new AccessRules(Safeguard.OWN_CHILDREN, Safeguard.FILE_IDENTITY))
            .attach(PEER, request(parent, home.resolve("images")));
    session.round();
    session.close();
    try (ImageChain chain = ImageChain.open(home.resolve("images"))) {
      assertThat(chain.names()).hasSizeGreaterThan(1);
    }
  }

  @Test
  void filesAreMadeWhereTheUserMayMakeThem() throws IOException {
    LiveTarget target = own("sleep", "1000");
    Sessions sessions = sessions(new AccessRules());
    Path roots = Files.createDirectory(directory.resolve("roots"));
    assertThatThrownBy(() -> sessions.attach(PEER, request(target, roots)))
        .hasMessage(roots + " is not a directory that user " + USER + " owns");
    assertThatThrownBy(() -> sessions.attach(PEER, request(target, roots.resolve("images"))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("images");
    Path link = Files.createSymbolicLink(home.resolve("link"), roots);
    assertThatThrownBy(() -> sessions.attach(PEER, request(target, link)))
        .hasMessage(link + " is not a directory that user " + USER + " owns");
    assertThatThrownBy(() -> sessions.attach(PEER, request(target, link.resolve("images"))))
        .isInstanceOf(IOException.class);
    assertThat(roots).isEmptyDirectory();
  }

  /** The control: the daemon writes as root wherever a link leads. */
  @Test
  void withoutTheUsersIdentityALinkLeadsIntoRootsDirectory() throws IOException {
    LiveTarget target = own("sleep", "1000");
    Path roots = Files.createDirectory(directory.resolve("roots"));
    Path link = Files.createSymbolicLink(home.resolve("link"), roots);
    ManagedSession session =
        sessions(new AccessRules(Safeguard.FILE_IDENTITY))
            .attach(PEER, request(target, link.resolve("images")));
    session.round();
    assertThat(roots.resolve("images/0001/round.img")).exists();
  }

  @Test
  void aUserSeesItsOwnSessionsAlone() throws IOException {
    LiveTarget mine = own("sleep", "1000");
    LiveTarget roots = start(List.of("sleep", "1000"));
    for (boolean guarded : new boolean[] {true, false}) {
      Sessions sessions =
          sessions(guarded ? new AccessRules() : new AccessRules(Safeguard.OWN_SESSIONS));
      Path rootsImages = directory.resolve("roots" + guarded);
      ManagedSession theirs = sessions.attach(Peer.self(), request(roots, rootsImages));
      ManagedSession own = sessions.attach(PEER, request(mine, home.resolve("i" + guarded)));
      assertThat(sessions.list(Peer.self())).containsExactly(theirs, own);
      if (guarded) {
        assertThat(sessions.list(PEER)).containsExactly(own);
        assertThatThrownBy(() -> sessions.find(PEER, theirs.id())).hasMessage("no such session");
      } else {
        assertThat(sessions.find(PEER, theirs.id())).as("the control").isSameAs(theirs);
      }
      sessions.close();
    }
  }

  @Test
  void whatNeedsRootsRightsIsRefused() throws IOException {
    LiveTarget target = own("sleep", "1000");
    AccessRules rules = new AccessRules();
    Sessions sessions = sessions(rules);
    AttachRequest byCgroup =
        AttachRequest.of(
            target.pid(),
            home.resolve("images"),
            OPTIONS.withFreezeCgroup(Path.of("/sys/fs/cgroup/x")));
    assertThatThrownBy(() -> sessions.attach(PEER, byCgroup))
        .hasMessage("a freeze by cgroup is root's to ask for");
    FinishRequest whole =
        new FinishRequest(FinalMode.CRIU, false, Optional.empty(), DumpOptions.DEFAULT);
    assertThatThrownBy(() -> rules.requireMayFinish(PEER, whole))
        .hasMessage("a checkpoint with CRIU is root's to ask for");
    assertThatThrownBy(() -> rules.requireMayVerify(PEER))
        .hasMessage("your files are yours to read: run predump verify");
  }
}
