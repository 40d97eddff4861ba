package io.predump.linux;

import com.sun.jna.Native;

/**
 * The C library, direct-mapped. Only this module calls it; every other class goes through the types
 * around it.
 *
 * <p>Addresses are passed as {@code long}. Each method returns what C returns; on -1 the caller
 * reads {@link #errno()} before any other native call.
 */
public final class LibC {
  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_NONBLOCK = 04000;
  public static final int O_DIRECT = 040000;
  public static final int O_DIRECTORY = 0200000;
  public static final int O_CLOEXEC = 02000000;

  public static final int SEEK_SET = 0;
  public static final int SEEK_END = 2;
  public static final int SEEK_DATA = 3;
  public static final int SEEK_HOLE = 4;

  public static final int PROT_NONE = 0;
  public static final int PROT_READ = 1;
  public static final int PROT_WRITE = 2;
  public static final int MAP_PRIVATE = 2;
  public static final int MAP_ANONYMOUS = 0x20;
  public static final int MAP_NORESERVE = 0x4000;
  public static final long MAP_FAILED = -1;

  public static final int MADV_DONTNEED = 4;
  public static final int MADV_HUGEPAGE = 14;
  public static final int MADV_NOHUGEPAGE = 15;

  /** Linux 5.14. */
  public static final int MADV_POPULATE_WRITE = 23;

  /** Linux 6.1. */
  public static final int MADV_COLLAPSE = 25;

  public static final int LOCK_EX = 2;
  public static final int LOCK_NB = 4;
  public static final int LOCK_UN = 8;

  public static final int WNOHANG = 1;
  public static final int WALL = 0x40000000;

  /** System call numbers of x86-64, arch/x86/entry/syscalls/syscall_64.tbl. */
  public static final int SYS_CLOSE = 3;

  public static final int SYS_SETGROUPS = 116;
  public static final int SYS_SETFSUID = 122;
  public static final int SYS_SETFSGID = 123;
  public static final int SYS_PRCTL = 157;
  public static final int SYS_GETTID = 186;
  public static final int SYS_SCHED_SETAFFINITY = 203;
  public static final int SYS_SCHED_GETAFFINITY = 204;
  public static final int SYS_KCMP = 312;
  public static final int SYS_GETPRIORITY = 140;
  public static final int SYS_SETPRIORITY = 141;
  public static final int SYS_GETDENTS64 = 217;
  public static final int SYS_USERFAULTFD = 323;
  public static final int SYS_PIDFD_OPEN = 434;
  public static final int SYS_PIDFD_GETFD = 438;
  public static final int SYS_PROCESS_MADVISE = 440;

  /** Bytes in a page. x86-64 has no other base page. */
  public static final int PAGE_BYTES = 4096;

  static {
    Architecture.requireX8664();
    Native.register(LibC.class, "c");
  }

  private LibC() {}

  /** Returns errno of the last native call of this thread. */
  public static int errno() {
    return Native.getLastError();
  }

  public static native int open(String path, int flags, int mode);

  public static native int openat(int directory, String path, int flags, int mode);

  public static native int close(int fd);

  public static native int ioctl(int fd, long request, long argument);

  public static native long read(int fd, long buffer, long bytes);

  public static native long pread(int fd, long buffer, long bytes, long offset);

  public static native long pwrite(int fd, long buffer, long bytes, long offset);

  public static native long lseek(int fd, long offset, int whence);

  public static native int fstatfs(int fd, long statfs);

  public static native int fsync(int fd);

  public static native int flock(int fd, int operation);

  public static native long mmap(
      long address, long bytes, int protection, int flags, int fd, long offset);

  public static native int munmap(long address, long bytes);

  public static native int madvise(long address, long bytes, int advice);

  public static native int mprotect(long address, long bytes, int protection);

  public static native long process_vm_readv(
      int pid, long local, long localCount, long remote, long remoteCount, long flags);

  public static native long process_vm_writev(
      int pid, long local, long localCount, long remote, long remoteCount, long flags);

  public static native long getxattr(String path, String name, long value, long bytes);

  public static native int memcmp(long first, long second, long bytes);

  public static native long ptrace(int request, int pid, long address, long data);

  public static native int waitpid(int pid, long status, int options);

  public static native int kill(int pid, int signal);

  public static native int mkfifo(String path, int mode);

  public static native int getpid();

  public static native int socket(int domain, int type, int protocol);

  public static native int socketpair(int domain, int type, int protocol, long pair);

  public static native int bind(int fd, long address, int bytes);

  public static native int listen(int fd, int backlog);

  public static native int accept4(int fd, long address, long bytes, int flags);

  public static native int connect(int fd, long address, int bytes);

  public static native int shutdown(int fd, int how);

  public static native int getsockopt(int fd, int level, int option, long value, long bytes);

  public static native long recvmsg(int fd, long message, int flags);

  public static native long sendmsg(int fd, long message, int flags);

  public static native int fchmod(int fd, int mode);

  public static native int poll(long descriptors, long count, int timeoutMillis);

  /** Six-argument {@code syscall(2)}; unused arguments are 0. */
  public static native long syscall(
      long number, long a1, long a2, long a3, long a4, long a5, long a6);
}
