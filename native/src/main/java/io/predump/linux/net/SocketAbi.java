package io.predump.linux.net;

import io.predump.linux.NativeBuffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Byte offsets and numbers of sockets on x86-64: {@code struct sockaddr_un, msghdr, iovec, cmsghdr,
 * pollfd, ucred}; include/linux/socket.h, include/uapi/linux/un.h, poll.h.
 */
final class SocketAbi {
  static final int AF_UNIX = 1;
  static final int SOCK_STREAM = 1;
  static final int SOCK_DGRAM = 2;
  static final int SOCK_SEQPACKET = 5;
  static final int SOCK_CLOEXEC = 02000000;
  static final int SOCK_NONBLOCK = 04000;
  static final int SOL_SOCKET = 1;
  static final int SO_TYPE = 3;
  static final int SO_PEERCRED = 17;
  static final int SCM_RIGHTS = 1;
  static final int SHUT_WR = 1;
  static final int SHUT_RDWR = 2;
  static final int MSG_CTRUNC = 8;
  static final int MSG_TRUNC = 0x20;
  static final int MSG_DONTWAIT = 0x40;
  static final int MSG_NOSIGNAL = 0x4000;
  static final int MSG_CMSG_CLOEXEC = 0x40000000;
  static final int POLLIN = 1;
  static final int POLLOUT = 4;

  static final int SUN_PATH = 2;
  static final int SUN_BYTES = 110;

  static final int UCRED_PID = 0;
  static final int UCRED_UID = 4;
  static final int UCRED_GID = 8;
  static final int UCRED_BYTES = 12;

  static final int POLLFD_EVENTS = 4;
  static final int POLLFD_BYTES = 8;

  static final int IOV_BASE = 0;
  static final int IOV_LEN = 8;
  static final int IOV_BYTES = 16;

  static final int MSG_IOV = 16;
  static final int MSG_IOVLEN = 24;
  static final int MSG_CONTROL = 32;
  static final int MSG_CONTROLLEN = 40;
  static final int MSG_FLAGS = 48;
  static final int MSG_BYTES = 56;

  static final int CMSG_LEN = 0;
  static final int CMSG_LEVEL = 8;
  static final int CMSG_TYPE = 12;
  static final int CMSG_DATA = 16;

  /** {@code SCM_MAX_FD}: descriptors in one message. */
  static final int MOST_DESCRIPTORS = 253;

  private SocketAbi() {}

  /** Returns the aligned length of a control message, {@code CMSG_SPACE}. */
  static int controlSpace(int dataBytes) {
    return CMSG_DATA + (dataBytes + 7 & -8);
  }

  /**
   * Writes a socket address.
   *
   * @param name a path; or an abstract name, which begins with {@code @}
   * @return the length of the address
   * @throws IllegalArgumentException if the name does not fit
   */
  static int address(NativeBuffer memory, String name) {
    byte[] path = name.getBytes(StandardCharsets.UTF_8);
    boolean inFileSystem = !name.startsWith("@");
    int most = SUN_BYTES - SUN_PATH - (inFileSystem ? 1 : 0);
    if (path.length == 0 || path.length > most || name.indexOf(0) >= 0) {
      throw new IllegalArgumentException(
          "not a socket's path: " + name + ": 1 to " + most + " bytes, none of them 0");
    }
    ByteBuffer address = memory.bytes(0, SUN_BYTES);
    address.putShort(0, (short) AF_UNIX);
    address.put(SUN_PATH, path);
    if (!inFileSystem) {
      address.put(SUN_PATH, (byte) 0);
    }
    return SUN_PATH + path.length + (inFileSystem ? 1 : 0);
  }
}
