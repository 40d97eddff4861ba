/* rpc: rpc SOCKET PROGRAM: starts `PROGRAM swrk FD` with FD connected to the SOCK_SEQPACKET socket of that path. Java gives its
 * children no other descriptors than the standard ones. Who listens there is, for criu, the client whose request it serves.
 *
 * What is ignored here stays so: criu must not be ended at work on a tree, by a terminal or by a client that has gone. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char **arguments) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char number[16];
  int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (count != 3 || strlen(arguments[1]) >= sizeof address.sun_path) {
    fprintf(stderr, "usage: rpc SOCKET PROGRAM\n");
    return 2;
  }
  strcpy(address.sun_path, arguments[1]);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
    fprintf(stderr, "%s: %s\n", arguments[1], strerror(errno));
    return 126;
  }
  for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++) {
    signal(ignored[i], SIG_IGN);
  }
  snprintf(number, sizeof number, "%d", fd);
  execl(arguments[2], arguments[2], "swrk", number, (char *)NULL);
  fprintf(stderr, "%s: %s\n", arguments[2], strerror(errno));
  return 127;
}
