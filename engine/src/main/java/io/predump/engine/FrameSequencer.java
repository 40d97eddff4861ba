package io.predump.engine;

import io.predump.images.FrameCodec;
import io.predump.images.FrameDigest;
import io.predump.images.PagesWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Puts frames into address order. Job {@code j} compresses into slot {@code j mod n}, which is free
 * once job {@code j - n} is written; the worker that completes the next job in order writes it and
 * all complete ones behind it, the others go on compressing meanwhile.
 */
final class FrameSequencer {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition moved = lock.newCondition();
  private final Slot[] slots;

  private @Nullable PagesWriter file;
  private int nextToWrite;
  private boolean writing;
  private volatile boolean failed;
  private long writeNanos;
  private long storedBytes;

  /** Room for one frame. */
  static final class Slot {
    final ByteBuffer frame =
        ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(CopyPipeline.JOB_BYTES));
    private boolean ready;
    private int sourceBytes;
    private @Nullable FrameDigest digest;
  }

  FrameSequencer(int slotCount) {
    slots = new Slot[slotCount];
    for (int i = 0; i < slotCount; i++) {
      slots[i] = new Slot();
    }
  }

  /** Starts over for one copy. */
  void begin(PagesWriter target, int firstJob) {
    lock.lock();
    try {
      file = target;
      nextToWrite = firstJob;
      failed = false;
      writeNanos = 0;
      storedBytes = 0;
      for (Slot slot : slots) {
        slot.ready = false;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets every waiting worker go with nothing. */
  void fail() {
    lock.lock();
    try {
      failed = true;
      moved.signalAll();
    } finally {
      lock.unlock();
    }
  }

  boolean failed() {
    return failed;
  }

  /** {@return the job's slot once it is free, or null when the copy has failed} */
  @Nullable Slot awaitSlot(int job) {
    lock.lock();
    try {
      while (!failed && job - nextToWrite >= slots.length) {
        moved.awaitUninterruptibly();
      }
      return failed ? null : slots[job % slots.length];
    } finally {
      lock.unlock();
    }
  }

  /** The slot holds its job's frame: {@code sourceBytes} of pages, none if 0. */
  void ready(Slot slot, int sourceBytes, @Nullable FrameDigest digest) throws IOException {
    lock.lock();
    try {
      slot.sourceBytes = sourceBytes;
      slot.digest = digest;
      slot.ready = true;
      if (writing) {
        return;
      }
      writing = true;
      try {
        Slot head = slots[nextToWrite % slots.length];
        while (!failed && head.ready) {
          write(head);
          head.ready = false;
          nextToWrite++;
          moved.signalAll();
          head = slots[nextToWrite % slots.length];
        }
      } finally {
        writing = false;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Writes one frame with the lock released: completing workers must not wait for the disk. */
  private void write(Slot slot) throws IOException {
    PagesWriter target = file;
    FrameDigest digest = slot.digest;
    if (digest == null || target == null) {
      return;
    }
    lock.unlock();
    long begun = System.nanoTime();
    try {
      int bytes = slot.frame.remaining();
      target.append(slot.frame, slot.sourceBytes, digest);
      storedBytes += bytes;
    } finally {
      lock.lock();
      writeNanos += System.nanoTime() - begun;
    }
  }

  /** {@return bytes and time of the writes; call after all workers are done} */
  CopyCounts written() {
    lock.lock();
    try {
      return new CopyCounts(0, 0, 0, 0, 0, 0, storedBytes, 0, 0, writeNanos);
    } finally {
      lock.unlock();
    }
  }
}
