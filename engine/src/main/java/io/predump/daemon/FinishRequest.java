package io.predump.daemon;

import io.predump.criu.DumpOptions;
import io.predump.engine.FinalMode;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a session is to end.
 *
 * @param mode without a last round, with one short freeze, or as a whole checkpoint
 * @param verify whether the committed files are compared with the frozen memory
 * @param criu the criu to run for a whole checkpoint; empty: found as the command line finds it
 * @param dump how CRIU is to dump; of a whole checkpoint alone
 */
public record FinishRequest(FinalMode mode, boolean verify, Optional<Path> criu, DumpOptions dump) {
  public FinishRequest {
    if (verify && mode == FinalMode.NONE) {
      throw new IllegalArgumentException("verify needs a final freeze");
    }
  }

  /** {@return a finish without CRIU} */
  public static FinishRequest of(FinalMode mode, boolean verify) {
    if (mode == FinalMode.CRIU) {
      throw new IllegalArgumentException("a whole checkpoint needs options for CRIU");
    }
    return new FinishRequest(mode, verify, Optional.empty(), DumpOptions.DEFAULT);
  }
}
