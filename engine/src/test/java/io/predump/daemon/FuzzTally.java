package io.predump.daemon;

import io.predump.linux.SyscallException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What came of conversations that keep to no protocol. */
public final class FuzzTally {
  private final List<String> internalErrors = new ArrayList<>();
  private int conversations;
  private int answers;

  /** A conversation. */
  public interface Talk {
    /** Has it. */
    void run() throws IOException;
  }

  /** Has a conversation: the other side may hang up on it at any time. */
  public void converse(Talk talk) throws IOException {
    conversations++;
    try {
      talk.run();
    } catch (SyscallException e) {
      if (!e.getMessage().contains("EPIPE") && !e.getMessage().contains("ECONNRESET")) {
        throw e;
      }
    }
  }

  /** A request was answered, with this text if it failed. */
  public void answered(String failure) {
    answers++;
    if (failure.contains("internal error")) {
      internalErrors.add(failure);
    }
  }

  /** {@return how many requests were understood and answered} */
  public int answers() {
    return answers;
  }

  /** {@return what the server did not expect of itself} */
  public List<String> internalErrors() {
    return internalErrors;
  }

  @Override
  public String toString() {
    return conversations + " conversations, " + answers + " answers";
  }
}
