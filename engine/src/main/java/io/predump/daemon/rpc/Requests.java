package io.predump.daemon.rpc;

import io.predump.criu.RpcTypes;
import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.linux.Pid;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuRequest;

/** What requests say. */
final class Requests {
  private Requests() {}

  /** {@return whether a request is a pre-dump of any kind} */
  static boolean isPreDump(CriuRequest request) {
    return request.getType() == RpcTypes.PRE_DUMP || request.getType() == RpcTypes.SINGLE_PRE_DUMP;
  }

  /** {@return whether a request is a dump, of any kind, on a parent} */
  static boolean isDumpWithParent(CriuRequest request) {
    return request.getType() == RpcTypes.DUMP && !request.getOpts().getParentImg().isEmpty();
  }

  /**
   * {@return whether a request is of the kind that can be served here: of a process that is named,
   * and neither to a page server nor with lazy pages}
   */
  static boolean isIntoFiles(CriuRequest request) {
    CriuOptions options = request.getOpts();
    return options.hasPid() && !options.hasPs() && !options.getLazyPages();
  }

  static Pid target(CriuRequest request) throws DaemonException {
    int pid = request.getOpts().getPid();
    if (pid <= 0) {
      throw new DaemonException(ErrorCode.USAGE, "pid=" + pid + ": not a pid");
    }
    return new Pid(pid);
  }
}
