package io.predump.daemon;

import io.predump.engine.Admission;
import io.predump.engine.FinalMode;
import io.predump.engine.TargetRefusedException;
import io.predump.linux.Errno;
import io.predump.linux.FileIdentity;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessOwner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * Who may do what. Root and the daemon's own user may do everything. Anybody else may attach a
 * process whose real, effective and saved user are they, that is dumpable, in their own user
 * namespace and without capabilities, with only such processes below it, into a directory that they
 * own; and may see, use and end their own sessions. What needs the daemon's rights they may not: a
 * freeze by cgroup, and a checkpoint with CRIU.
 */
public final class AccessRules {
  private final Set<Safeguard> off;

  /** All of it. */
  public AccessRules() {
    this.off = Set.of();
  }

  /** For tests: all but some of it. */
  AccessRules(Safeguard first, Safeguard... others) {
    this.off = EnumSet.of(first, others);
  }

  private boolean on(Safeguard safeguard) {
    return !off.contains(safeguard);
  }

  /**
   * @throws DaemonException if the peer may not attach the process so
   */
  void requireMayAttach(Peer peer, AttachRequest request) throws IOException {
    if (peer.isPrivileged()) {
      return;
    }
    if (request.options().freezeCgroup().isPresent()) {
      throw refused("a freeze by cgroup is root's to ask for");
    }
    requireMayProbe(peer, request.target());
  }

  /**
   * @throws DaemonException if the peer may not look into the process
   */
  void requireMayProbe(Peer peer, Pid target) throws IOException {
    if (!peer.isPrivileged() && on(Safeguard.OWN_PROCESSES)) {
      Optional<String> obstacle = obstacle(peer, target);
      if (obstacle.isPresent()) {
        throw refused(obstacle.get());
      }
    }
  }

  /**
   * @throws DaemonException if the peer may not have its session finished so
   */
  void requireMayFinish(Peer peer, FinishRequest request) throws DaemonException {
    if (!peer.isPrivileged() && request.mode() == FinalMode.CRIU) {
      throw refused("a checkpoint with CRIU is root's to ask for");
    }
  }

  /**
   * @throws DaemonException if the daemon may not read the peer's files for it
   */
  void requireMayVerify(Peer peer) throws DaemonException {
    if (!peer.isPrivileged()) {
      throw refused("your files are yours to read: run predump verify");
    }
  }

  /** {@return which processes a session of the peer may take} */
  Admission admission(Peer peer) {
    if (peer.isPrivileged() || !on(Safeguard.OWN_CHILDREN)) {
      return Admission.EVERYTHING;
    }
    return process -> admit(peer, process);
  }

  private static void admit(Peer peer, ProcStatus process) throws IOException {
    Optional<String> obstacle = obstacle(peer, process.pid());
    if (obstacle.isPresent()) {
      throw new TargetRefusedException(TargetRefusedException.Kind.LACKING, obstacle.get());
    }
  }

  /** {@return why a process is not the peer's to look into} */
  private static Optional<String> obstacle(Peer peer, Pid pid) throws IOException {
    ProcessOwner owner;
    try {
      owner = ProcessOwner.read(pid);
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        throw new TargetRefusedException(
            TargetRefusedException.Kind.USAGE, "no process with pid=" + pid);
      }
      throw e;
    }
    boolean own =
        owner.realUid() == peer.uid()
            && owner.effectiveUid() == peer.uid()
            && owner.savedUid() == peer.uid()
            && owner.dumpable()
            && owner.permittedCapabilities() == 0
            && !peer.userNamespace().isEmpty()
            && peer.userNamespace().equals(UserNamespaces.of(pid).orElse(""));
    // One answer for all: which of it fails is not the peer's to know.
    return own
        ? Optional.empty()
        : Optional.of("pid=" + pid + " is not user " + peer.uid() + "'s to copy");
  }

  /**
   * Makes the calling thread work with the peer's rights on files, for good.
   *
   * @throws DaemonException if the directory is there and not the peer's own
   * @throws IOException if the daemon lacks the right to do so
   */
  void actFor(Peer peer, Path imagesDir) throws IOException {
    if (peer.isPrivileged() || !on(Safeguard.FILE_IDENTITY)) {
      return;
    }
    FileIdentity.assume(peer.uid(), peer.gid());
    if (Files.exists(imagesDir, LinkOption.NOFOLLOW_LINKS)) {
      Object owner = Files.getAttribute(imagesDir, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      if (!Files.isDirectory(imagesDir, LinkOption.NOFOLLOW_LINKS)
          || !Integer.valueOf(peer.uid()).equals(owner)) {
        throw refused(imagesDir + " is not a directory that user " + peer.uid() + " owns");
      }
    }
  }

  /** {@return whether the peer may see and use a session of that owner} */
  boolean mayUse(Peer peer, Peer owner) {
    return peer.isPrivileged() || peer.uid() == owner.uid() || !on(Safeguard.OWN_SESSIONS);
  }

  private static DaemonException refused(String why) {
    return new DaemonException(ErrorCode.LACKING, why);
  }
}
