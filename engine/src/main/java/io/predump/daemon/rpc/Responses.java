package io.predump.daemon.rpc;

import io.predump.daemon.ErrorCode;
import io.predump.daemon.Failure;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.proto.CriuResponse;
import java.nio.file.FileSystemException;

/** What a client is answered. */
final class Responses {
  /** The length of a message that leaves room for the rest of the packet. */
  private static final int LONGEST_MESSAGE = 4096;

  private Responses() {}

  static CriuResponse success(int type) {
    return CriuResponse.newBuilder().setType(type).setSuccess(true).build();
  }

  static CriuResponse failure(int type, Throwable why) {
    String message = Failure.of(why).message();
    return CriuResponse.newBuilder()
        .setType(type)
        .setSuccess(false)
        .setCrErrno(errno(why).number())
        .setCrErrmsg(message.substring(0, Math.min(message.length(), LONGEST_MESSAGE)))
        .build();
  }

  private static Errno errno(Throwable why) {
    Throwable cause = Failure.cause(why);
    if (cause instanceof SyscallException syscall) {
      return syscall.errno();
    }
    if (cause instanceof FileSystemException file
        && String.valueOf(file.getReason()).contains("No space left on device")) {
      return Errno.ENOSPC;
    }
    if (cause instanceof UnsupportedOperationException) {
      return Errno.EOPNOTSUPP;
    }
    ErrorCode code = Failure.of(why).code();
    return switch (code) {
      case USAGE -> Errno.EINVAL;
      case TARGET_GONE -> Errno.ESRCH;
      case LACKING -> Errno.EPERM;
      case FAILURE, IMAGE, DIFFERENT -> Errno.EIO;
    };
  }
}
