package io.predump.linux.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.testkit.CProgram;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SocketAbiTest {
  @Test
  void offsetsAndNumbersAreThoseOfTheCompiler() throws IOException {
    Map<String, Long> ours = new TreeMap<>();
    ours.put("AF_UNIX", (long) SocketAbi.AF_UNIX);
    ours.put("SOCK_STREAM", (long) SocketAbi.SOCK_STREAM);
    ours.put("SOCK_DGRAM", (long) SocketAbi.SOCK_DGRAM);
    ours.put("SOCK_SEQPACKET", (long) SocketAbi.SOCK_SEQPACKET);
    ours.put("SOCK_CLOEXEC", (long) SocketAbi.SOCK_CLOEXEC);
    ours.put("SOCK_NONBLOCK", (long) SocketAbi.SOCK_NONBLOCK);
    ours.put("SOL_SOCKET", (long) SocketAbi.SOL_SOCKET);
    ours.put("SO_TYPE", (long) SocketAbi.SO_TYPE);
    ours.put("SO_PEERCRED", (long) SocketAbi.SO_PEERCRED);
    ours.put("SCM_RIGHTS", (long) SocketAbi.SCM_RIGHTS);
    ours.put("SHUT_WR", (long) SocketAbi.SHUT_WR);
    ours.put("SHUT_RDWR", (long) SocketAbi.SHUT_RDWR);
    ours.put("MSG_CTRUNC", (long) SocketAbi.MSG_CTRUNC);
    ours.put("MSG_TRUNC", (long) SocketAbi.MSG_TRUNC);
    ours.put("MSG_DONTWAIT", (long) SocketAbi.MSG_DONTWAIT);
    ours.put("MSG_NOSIGNAL", (long) SocketAbi.MSG_NOSIGNAL);
    ours.put("MSG_CMSG_CLOEXEC", (long) SocketAbi.MSG_CMSG_CLOEXEC);
    ours.put("POLLIN", (long) SocketAbi.POLLIN);
    ours.put("POLLOUT", (long) SocketAbi.POLLOUT);
    ours.put("sockaddr_un.sun_path", (long) SocketAbi.SUN_PATH);
    ours.put("sockaddr_un", (long) SocketAbi.SUN_BYTES);
    ours.put("ucred.pid", (long) SocketAbi.UCRED_PID);
    ours.put("ucred.uid", (long) SocketAbi.UCRED_UID);
    ours.put("ucred.gid", (long) SocketAbi.UCRED_GID);
    ours.put("ucred", (long) SocketAbi.UCRED_BYTES);
    ours.put("pollfd.events", (long) SocketAbi.POLLFD_EVENTS);
    ours.put("pollfd", (long) SocketAbi.POLLFD_BYTES);
    ours.put("iovec.iov_base", (long) SocketAbi.IOV_BASE);
    ours.put("iovec.iov_len", (long) SocketAbi.IOV_LEN);
    ours.put("iovec", (long) SocketAbi.IOV_BYTES);
    ours.put("msghdr.msg_iov", (long) SocketAbi.MSG_IOV);
    ours.put("msghdr.msg_iovlen", (long) SocketAbi.MSG_IOVLEN);
    ours.put("msghdr.msg_control", (long) SocketAbi.MSG_CONTROL);
    ours.put("msghdr.msg_controllen", (long) SocketAbi.MSG_CONTROLLEN);
    ours.put("msghdr.msg_flags", (long) SocketAbi.MSG_FLAGS);
    ours.put("msghdr", (long) SocketAbi.MSG_BYTES);
    ours.put("cmsghdr.cmsg_len", (long) SocketAbi.CMSG_LEN);
    ours.put("cmsghdr.cmsg_level", (long) SocketAbi.CMSG_LEVEL);
    ours.put("cmsghdr.cmsg_type", (long) SocketAbi.CMSG_TYPE);
    ours.put("CMSG_DATA", (long) SocketAbi.CMSG_DATA);
    ours.put("CMSG_SPACE(4)", (long) SocketAbi.controlSpace(4));
    ours.put("CMSG_SPACE(8)", (long) SocketAbi.controlSpace(8));
    ours.put("CMSG_SPACE(1012)", (long) SocketAbi.controlSpace(4 * SocketAbi.MOST_DESCRIPTORS));

    assertThat(ours).isEqualTo(CProgram.resource(SocketAbiTest.class, "sockets.c").values());
  }
}
