package io.predump.linux.net;

import static io.predump.linux.net.SocketAbi.CMSG_DATA;
import static io.predump.linux.net.SocketAbi.CMSG_LEN;
import static io.predump.linux.net.SocketAbi.CMSG_LEVEL;
import static io.predump.linux.net.SocketAbi.CMSG_TYPE;
import static io.predump.linux.net.SocketAbi.IOV_BASE;
import static io.predump.linux.net.SocketAbi.IOV_BYTES;
import static io.predump.linux.net.SocketAbi.IOV_LEN;
import static io.predump.linux.net.SocketAbi.MOST_DESCRIPTORS;
import static io.predump.linux.net.SocketAbi.MSG_BYTES;
import static io.predump.linux.net.SocketAbi.MSG_CONTROL;
import static io.predump.linux.net.SocketAbi.MSG_CONTROLLEN;
import static io.predump.linux.net.SocketAbi.MSG_FLAGS;
import static io.predump.linux.net.SocketAbi.MSG_IOV;
import static io.predump.linux.net.SocketAbi.MSG_IOVLEN;
import static io.predump.linux.net.SocketAbi.SCM_RIGHTS;
import static io.predump.linux.net.SocketAbi.SOL_SOCKET;

import io.predump.linux.Fd;
import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The memory of one message: header, vector, control, data. One thread at a time. */
final class MessageBuffer implements AutoCloseable {
  /** Bytes that one call moves at most. */
  static final int DATA_BYTES = 64 << 10;

  private static final int VECTOR = MSG_BYTES;
  private static final int CONTROL = VECTOR + IOV_BYTES;
  private static final int CONTROL_BYTES = SocketAbi.controlSpace(4 * MOST_DESCRIPTORS);
  private static final int POLL = CONTROL + CONTROL_BYTES;
  private static final int DATA = POLL + SocketAbi.POLLFD_BYTES;

  private final NativeBuffer memory;
  private final ByteBuffer view;

  private MessageBuffer(NativeBuffer memory) {
    this.memory = memory;
    this.view = memory.bytes();
  }

  static MessageBuffer allocate() throws SyscallException {
    return new MessageBuffer(NativeBuffer.allocate(DATA + DATA_BYTES));
  }

  /** Returns the address of the header. */
  long address() {
    return memory.address();
  }

  /** Writes what poll(2) waits for, and returns its address. */
  long toPoll(int fd, int events) {
    view.putInt(POLL, fd);
    view.putInt(POLL + SocketAbi.POLLFD_EVENTS, events);
    return memory.address() + POLL;
  }

  /** Makes ready to receive at most {@code bytes}, and descriptors if wanted. */
  void toReceive(int bytes, boolean descriptors) {
    header(bytes, descriptors ? CONTROL_BYTES : 0);
  }

  /** Takes bytes from {@code source}, as many as fit, which may be none. */
  int toSend(ByteBuffer source, List<Fd> descriptors) {
    int bytes = Math.min(source.remaining(), DATA_BYTES);
    view.put(DATA, source, source.position(), bytes);
    if (descriptors.isEmpty()) {
      header(bytes, 0);
      return bytes;
    }
    if (descriptors.size() > MOST_DESCRIPTORS) {
      throw new IllegalArgumentException(
          "descriptors=" + descriptors.size() + ": at most " + MOST_DESCRIPTORS);
    }
    int dataBytes = 4 * descriptors.size();
    header(bytes, SocketAbi.controlSpace(dataBytes));
    view.putLong(CONTROL + CMSG_LEN, CMSG_DATA + dataBytes);
    view.putInt(CONTROL + CMSG_LEVEL, SOL_SOCKET);
    view.putInt(CONTROL + CMSG_TYPE, SCM_RIGHTS);
    for (int i = 0; i < descriptors.size(); i++) {
      view.putInt(CONTROL + CMSG_DATA + 4 * i, descriptors.get(i).number());
    }
    return bytes;
  }

  private void header(int bytes, int controlBytes) {
    for (int i = 0; i < MSG_BYTES; i += 8) {
      view.putLong(i, 0);
    }
    view.putLong(VECTOR + IOV_BASE, memory.address() + DATA);
    view.putLong(VECTOR + IOV_LEN, bytes);
    view.putLong(MSG_IOV, memory.address() + VECTOR);
    view.putLong(MSG_IOVLEN, 1);
    view.putLong(MSG_CONTROL, controlBytes == 0 ? 0 : memory.address() + CONTROL);
    view.putLong(MSG_CONTROLLEN, controlBytes);
  }

  /** Returns the flags that the kernel left. */
  int flags() {
    return view.getInt(MSG_FLAGS);
  }

  /** Moves received bytes to {@code target}. */
  void received(int bytes, ByteBuffer target) {
    target.put(view.slice(DATA, bytes));
  }

  /** Returns the descriptors received, now owned by the caller. */
  List<Fd> descriptors(String from) {
    List<Fd> received = new ArrayList<>();
    int end = CONTROL + (int) view.getLong(MSG_CONTROLLEN);
    int at = CONTROL;
    while (at + CMSG_DATA <= end) {
      int bytes = (int) view.getLong(at + CMSG_LEN) - CMSG_DATA;
      if (view.getInt(at + CMSG_LEVEL) == SOL_SOCKET && view.getInt(at + CMSG_TYPE) == SCM_RIGHTS) {
        for (int i = 0; i + 4 <= bytes; i += 4) {
          received.add(Fd.adopt(view.getInt(at + CMSG_DATA + i), "a descriptor from " + from));
        }
      }
      at += SocketAbi.controlSpace(bytes);
    }
    return received;
  }

  @Override
  public void close() {
    memory.close();
  }
}
