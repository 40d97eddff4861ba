package io.predump.linux.ptrace;

import io.predump.linux.NativeBuffer;
import java.nio.ByteBuffer;

/**
 * The general registers of a stopped thread, raw: byte offsets in {@code struct user_regs_struct},
 * arch/x86/include/asm/user_64.h, and the memory they lie in, borrowed from a {@link NativeBuffer}.
 */
final class Registers {
  static final int R15 = 0;
  static final int R14 = 8;
  static final int R13 = 16;
  static final int R12 = 24;
  static final int RBP = 32;
  static final int RBX = 40;
  static final int R11 = 48;
  static final int R10 = 56;
  static final int R9 = 64;
  static final int R8 = 72;
  static final int RAX = 80;
  static final int RCX = 88;
  static final int RDX = 96;
  static final int RSI = 104;
  static final int RDI = 112;
  static final int ORIG_RAX = 120;
  static final int RIP = 128;
  static final int CS = 136;
  static final int EFLAGS = 144;
  static final int RSP = 152;
  static final int SS = 160;
  static final int FS_BASE = 168;
  static final int GS_BASE = 176;
  static final int DS = 184;
  static final int ES = 192;
  static final int FS = 200;
  static final int GS = 208;
  static final int BYTES = 216;

  /** Code segment of a 32-bit program, {@code __USER32_CS}. */
  static final long USER32_CS = 0x23;

  private final ByteBuffer memory;
  private final long address;

  Registers(NativeBuffer buffer, int offset) {
    this.memory = buffer.bytes(offset, BYTES).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    this.address = buffer.address() + offset;
  }

  long address() {
    return address;
  }

  long get(int register) {
    return memory.getLong(register);
  }

  void set(int register, long value) {
    memory.putLong(register, value);
  }

  void copyFrom(Registers other) {
    for (int register = 0; register < BYTES; register += Long.BYTES) {
      memory.putLong(register, other.memory.getLong(register));
    }
  }
}
