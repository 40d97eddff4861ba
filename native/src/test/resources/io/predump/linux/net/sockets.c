// Prints what the compiler knows of sockets, for SocketAbiTest.
#define _GNU_SOURCE
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define V(name, value) printf("%s 0x%lx\n", name, (unsigned long)(value))
#define O(type, field) V(#type "." #field, offsetof(struct type, field))
#define S(type) V(#type, sizeof(struct type))
#define C(name) V(#name, name)

int main(void) {
  C(AF_UNIX); C(SOCK_STREAM); C(SOCK_DGRAM); C(SOCK_SEQPACKET); C(SOCK_CLOEXEC); C(SOCK_NONBLOCK);
  C(SOL_SOCKET); C(SO_TYPE); C(SO_PEERCRED); C(SCM_RIGHTS); C(SHUT_WR); C(SHUT_RDWR);
  C(MSG_CTRUNC); C(MSG_TRUNC); C(MSG_DONTWAIT); C(MSG_NOSIGNAL); C(MSG_CMSG_CLOEXEC);
  C(POLLIN); C(POLLOUT);
  O(sockaddr_un, sun_path); S(sockaddr_un);
  O(ucred, pid); O(ucred, uid); O(ucred, gid); S(ucred);
  O(pollfd, events); S(pollfd);
  O(iovec, iov_base); O(iovec, iov_len); S(iovec);
  O(msghdr, msg_iov); O(msghdr, msg_iovlen); O(msghdr, msg_control); O(msghdr, msg_controllen);
  O(msghdr, msg_flags); S(msghdr);
  O(cmsghdr, cmsg_len); O(cmsghdr, cmsg_level); O(cmsghdr, cmsg_type);
  V("CMSG_DATA", CMSG_LEN(0)); V("CMSG_SPACE(4)", CMSG_SPACE(4)); V("CMSG_SPACE(8)", CMSG_SPACE(8));
  V("CMSG_SPACE(1012)", CMSG_SPACE(4 * 253));
  return 0;
}
