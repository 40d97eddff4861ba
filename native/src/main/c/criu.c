/* criu: stands in for the program of that name where a runtime calls it (`criu swrk FD`, CRIU's RPC on an inherited socket).
 *
 * It looks at the request without taking it. What the daemon has a part in (FEATURE_CHECK, PRE_DUMP, SINGLE_PRE_DUMP, DUMP) goes
 * to it: the request's bytes, and the socket by SCM_RIGHTS. The daemon either serves the socket and says with which exit code
 * to end, or has not touched it and says that it is not for it. That, and everything else, is the real criu's, which takes
 * this very process by execve: a runtime needs what is restored as a child of its own, beside the criu that it started.
 *
 * Without a daemon, one is started for the pre-dumps to come, apart from us; it ends when it has been idle. A DUMP starts none: a
 * daemon (`predump service`, or a `predump daemon` that listens there) that holds no session would hand it back, or refuse it; as is done here if its parent bears the mark of a daemon. Environment:
 *   PREDUMP_CRIU         the real criu; else the first of the PATH that is no copy of this program
 *   PREDUMP_CRIU_SOCKET  where the daemon listens; else /run/predump-criu.sock
 *   PREDUMP              what starts a daemon; else the predump three directories up, else the PATH's */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DUMP = 1, PRE_DUMP = 4, FEATURE_CHECK = 9, SINGLE_PRE_DUMP = 13 };
enum { LARGEST_REQUEST = 65536, LARGEST_PROGRAM = 1 << 18, START_SECONDS = 60, STEP_MILLIS = 20 };

/* How a copy of this program is told from the real criu, here and by the daemon. */
__attribute__((used)) static const char mark[] = "predump stands in for criu";

static void complain(const char *what, const char *why) { fprintf(stderr, "criu (predump): %s: %s\n", what, why); }

/* Whether the program is a copy of this one, wherever it was put. */
static int is_copy(const char *path) {
  static char bytes[LARGEST_PROGRAM];
  ssize_t length, step;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return 0;
  }
  for (length = 0; length < LARGEST_PROGRAM; length += step) {
    step = read(fd, bytes + length, (size_t)(LARGEST_PROGRAM - length));
    if (step <= 0) {
      break;
    }
  }
  close(fd);
  return memmem(bytes, (size_t)length, mark, sizeof mark) != NULL;
}

/* The real criu; NULL, and said why, if there is none. */
static const char *real_criu(void) {
  static char candidate[PATH_MAX];
  const char *named = getenv("PREDUMP_CRIU"), *path = getenv("PATH");
  struct stat file;
  if (named != NULL && *named) {
    if (!is_copy(named)) {
      return named;
    }
    complain(named, "PREDUMP_CRIU names this program, not the real criu");
    return NULL;
  }
  for (path = path == NULL ? "" : path; *path;) {
    size_t length = strcspn(path, ":");
    if (length > 0 && length < sizeof candidate - sizeof "/criu") {
      sprintf(candidate, "%.*s/criu", (int)length, path);
      if (!access(candidate, X_OK) && !stat(candidate, &file) && S_ISREG(file.st_mode) && !is_copy(candidate)) {
        return candidate;
      }
    }
    path += length + (path[length] == ':');
  }
  complain("no real criu found", "name one by PREDUMP_CRIU; it is on no directory of PATH");
  return NULL;
}

static int become_criu(char **arguments) {
  const char *program = real_criu();
  if (program == NULL) {
    return 127;
  }
  arguments[0] = (char *)program;
  execv(program, arguments);
  complain(program, strerror(errno));
  return 127;
}

/* A varint at *at; 0 and *at == end if it does not end. */
static uint64_t varint(const uint8_t **at, const uint8_t *end) {
  uint64_t value = 0;
  for (int shift = 0; *at < end && shift < 64; shift += 7) {
    uint8_t byte = *(*at)++;
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) {
      return value;
    }
  }
  *at = end;
  return 0;
}

/* A field of a message: a number; or so many bytes. */
struct field {
  uint64_t value;
  const uint8_t *bytes;
};

/* The field of that number, the last if there are several; all 0 if there is none, or this is no message. */
static struct field find(const uint8_t *at, const uint8_t *end, uint64_t number) {
  struct field found = {0, NULL};
  while (at < end) {
    uint64_t tag = varint(&at, end), value = 0, length = 0;
    switch (tag & 7) {
    case 0: value = varint(&at, end); break;
    case 1: length = 8; break;
    case 2: value = length = varint(&at, end); break;
    case 5: length = 4; break;
    default: return found;
    }
    if (length > (uint64_t)(end - at)) {
      return found;
    }
    if (tag >> 3 == number) {
      found = (struct field){value, at};
    }
    at += length;
  }
  return found;
}

/* Whether a dump's parent lies in a directory that a daemon of ours has filled. The real criu would go by soft-dirty bits, which
 * a tracker of ours may have cleared, and take for clean what was written since. Descriptors are of who sent the request. */
static int has_marked_parent(int fd, const uint8_t *request, const uint8_t *end) {
  static char path[LARGEST_REQUEST + PATH_MAX];
  struct ucred peer;
  struct stat file;
  socklen_t length = sizeof peer;
  struct field options = find(request, end, 2), parent, directory, named;
  if (options.bytes == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length)) {
    return 0;
  }
  end = options.bytes + options.value;
  parent = find(options.bytes, end, 14);
  directory = find(options.bytes, end, 1);
  named = find(options.bytes, end, 68);
  if (parent.bytes == NULL || !parent.value) {
    return 0;
  }
  if ((int)directory.value >= 0) {
    length = sprintf(path, "/proc/%d/fd/%d", peer.pid, (int)directory.value);
  } else if (named.value && *named.bytes == '/') {
    length = sprintf(path, "%.*s", (int)named.value, named.bytes);
  } else {
    length = sprintf(path, "/proc/%d/cwd/%.*s", peer.pid, (int)named.value, named.value ? (const char *)named.bytes : "");
  }
  sprintf(path + length, "/%.*s/predump-round", (int)parent.value, parent.bytes);
  return !lstat(path, &file);
}

/* A connection to the daemon, -1 if there is none. It gets a descriptor of ours, so it must be root's or our own. */
static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct ucred peer;
  socklen_t length = sizeof peer;
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return -1;
  }
  if (strlen(path) < sizeof address.sun_path) {
    strcpy(address.sun_path, path);
    if (!connect(fd, (struct sockaddr *)&address, sizeof address) &&
        !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length)) {
      if (peer.uid == 0 || peer.uid == geteuid()) {
        return fd;
      }
      complain(path, "another user listens there");
    }
  }
  close(fd);
  return -1;
}

/* Replaces this process by a daemon. */
static void become_daemon(const char *path, const char *criu) {
  char program[PATH_MAX + 32] = "", log[PATH_MAX];
  const char *named = getenv("PREDUMP");
  ssize_t length = readlink("/proc/self/exe", program, PATH_MAX);
  int null = open("/dev/null", O_RDWR), out;
  snprintf(log, sizeof log, "%s.log", path);
  out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out < 0 ? null : out, 1) < 0 || dup2(1, 2) < 0 || chdir("/")) {
    _exit(1);
  }
  for (int up = 0; length > 0 && up < 4; up++) {
    char *slash = strrchr(program, '/');
    if (slash != NULL) {
      *slash = 0;
    }
  }
  strcat(program, "/predump");
  setenv("PREDUMP_CRIU", criu, 1);
  named = named != NULL && *named ? named : access(program, X_OK) ? "predump" : program;
  execlp(named, named, "service", "--address", path, "--idle", "6h", (char *)NULL);
  complain(named, strerror(errno));
  _exit(127);
}

/* Starts a daemon and connects to it. Others may be about to: the first to hold the lock does it for all. */
static int start_and_connect(const char *path) {
  char lock_path[PATH_MAX];
  int fd = -1, lock, alive[2];
  const char *criu = real_criu();
  if (criu == NULL) {
    return -1;
  }
  snprintf(lock_path, sizeof lock_path, "%s.lock", path);
  lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) || (fd = connect_to(path)) >= 0 || pipe2(alive, O_CLOEXEC)) {
    if (fd < 0) {
      complain(lock_path, strerror(errno));
    }
    close(lock);
    return fd;
  }
  pid_t child = fork();
  if (child == 0) {
    /* Twice, so that it is nobody's child: the real criu may yet run here, and waits for its own. */
    if (setsid() < 0 || fork() != 0) {
      _exit(0);
    }
    /* It alone keeps the other end of the pipe, and nothing else of what our caller had open. */
    int end = fcntl(alive[1], F_DUPFD, 3);
    if (end != 3) {
      dup2(end, 3);
    }
    close_range(4, ~0U, 0);
    become_daemon(path, criu);
  }
  close(alive[1]);
  if (child > 0) {
    waitpid(child, NULL, 0);
  }
  for (int waited = 0; fd < 0 && waited < START_SECONDS * 1000 / STEP_MILLIS; waited++) {
    struct pollfd daemon = {.fd = alive[0]};
    int ended = poll(&daemon, 1, STEP_MILLIS) > 0;
    fd = connect_to(path);
    if (ended) {
      break;
    }
  }
  if (fd < 0) {
    complain(path, "the daemon that was started does not listen there; its log lies beside it");
  }
  close(alive[0]);
  close(lock);
  return fd;
}

/* Sends the request and the socket it came on. */
static int hand_over(int daemon, int fd, void *request, size_t bytes) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
  struct iovec data = {.iov_base = request, .iov_len = bytes};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.room};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  return sendmsg(daemon, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Takes the request, for a socket that is closed with something unread resets the connection, and sends a criu_resp that says
 * no, in place of a daemon. The reason has at most 127 bytes. */
static int refuse(int fd, uint64_t type, const char *why) {
  size_t length = strlen(why);
  uint8_t response[8 + 127] = {0x08, (uint8_t)type, 0x10, 0, 0x38, ECONNREFUSED, 0x4a, (uint8_t)length};
  memcpy(response + 8, why, length);
  recv(fd, NULL, 0, MSG_TRUNC);
  return send(fd, response, 8 + length, MSG_NOSIGNAL) < 0 ? 2 : 1;
}

static int serve(int fd, char **arguments) {
  static uint8_t request[LARGEST_REQUEST];
  const char *path = getenv("PREDUMP_CRIU_SOCKET");
  uint8_t answer[2];
  ssize_t bytes = recv(fd, request, sizeof request, MSG_PEEK | MSG_TRUNC);
  uint64_t type = bytes <= 0 || bytes > LARGEST_REQUEST ? 0 : find(request, request + bytes, 1).value;
  if (type != DUMP && type != PRE_DUMP && type != FEATURE_CHECK && type != SINGLE_PRE_DUMP) {
    return become_criu(arguments);
  }
  path = path != NULL && *path ? path : "/run/predump-criu.sock";
  int daemon = connect_to(path);
  if (daemon < 0 && type != DUMP) {
    daemon = start_and_connect(path);
  }
  if (daemon < 0 || hand_over(daemon, fd, request, (size_t)bytes)) {
    if (type == DUMP && has_marked_parent(fd, request, request + bytes)) {
      return refuse(fd, type, "predump: no daemon knows what has been written since parent_img: dump without parent_img");
    }
    return type == DUMP || type == FEATURE_CHECK
               ? become_criu(arguments)
               : refuse(fd, type, "predump: no daemon takes the pre-dump, and none could be started");
  }
  /* 'x': the real criu is to take it; 'e' and a number: it is done, end with that. Nothing: the daemon is gone. */
  bytes = recv(daemon, answer, sizeof answer, 0);
  close(daemon);
  if (bytes == 1 && answer[0] == 'x') {
    return become_criu(arguments);
  }
  return bytes == 2 && answer[0] == 'e' ? answer[1] : 1;
}

int main(int count, char **arguments) {
  char *end;
  if (count == 3 && !strcmp(arguments[1], "swrk")) {
    long fd = strtol(arguments[2], &end, 10);
    if (*arguments[2] && !*end && fd >= 0 && fd <= INT_MAX) {
      return serve((int)fd, arguments);
    }
  }
  return become_criu(arguments);
}
