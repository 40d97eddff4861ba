package io.predump.engine;

import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.function.LongSupplier;

/** Sessions whose images are wrong by one page when they are compared: the controls of others. */
public final class TamperedSession {
  private TamperedSession() {}

  /**
   * Attaches, and turns one byte of a page over in the frozen target, after everything is committed
   * and before it is compared.
   *
   * @param address which byte, asked when the time has come
   */
  public static PreDumpSession attach(
      Pid target, Path images, SessionOptions options, LongSupplier address) throws IOException {
    TestHooks hooks =
        TestHooks.watched(
            step -> {
              if (step.equals("the comparison")) {
                turnOver(target, address.getAsLong());
              }
            });
    return PreDumpSession.attach(target, images, options, KernelFeatures.current(), hooks);
  }

  private static void turnOver(Pid target, long address) {
    try (RandomAccessFile memory = new RandomAccessFile(target.procPath("mem"), "rw")) {
      memory.seek(address);
      int before = memory.read();
      memory.seek(address);
      memory.write(~before);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
