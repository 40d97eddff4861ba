package io.predump.linux;

/** Computes ioctl request numbers as include/uapi/asm-generic/ioctl.h does. */
public final class Ioctl {
  private static final int WRITE = 1;
  private static final int READ = 2;

  private Ioctl() {}

  /** Returns {@code _IO(group, number)}. */
  public static long none(int group, int number) {
    return number(0, group, number, 0);
  }

  /** Returns {@code _IOR(group, number, T)} for a type of {@code bytes}: the kernel writes it. */
  public static long read(int group, int number, int bytes) {
    return number(READ, group, number, bytes);
  }

  /** Returns {@code _IOW(group, number, T)} for a type of {@code bytes}: the kernel reads it. */
  public static long write(int group, int number, int bytes) {
    return number(WRITE, group, number, bytes);
  }

  /** Returns {@code _IOWR(group, number, T)} for a type of {@code bytes}. */
  public static long readWrite(int group, int number, int bytes) {
    return number(READ | WRITE, group, number, bytes);
  }

  private static long number(long direction, int group, int number, int bytes) {
    if (group >>> 8 != 0 || number >>> 8 != 0 || bytes >>> 14 != 0) {
      throw new IllegalArgumentException(
          "no ioctl: group=" + group + " number=" + number + " bytes=" + bytes);
    }
    return direction << 30 | (long) bytes << 16 | (long) group << 8 | number;
  }
}
