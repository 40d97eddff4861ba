package io.predump.engine;

import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;

/**
 * Compiles every C program that tests start, so that they run where there is no compiler: they look
 * for it in the temporary directory first.
 */
final class CompilePrograms {
  /**
   * Needs libraries, and the benchmark compiles it; needs options of its own, and no VM runs it.
   */
  private static final Set<String> OTHERS = Set.of("floor.c", "ia32.c");

  private CompilePrograms() {}

  public static void main(String[] args) throws IOException {
    for (String file : Targets.names(Path.of("src/test/c"))) {
      if (file.endsWith(".c") && !OTHERS.contains(file)) {
        Targets.program(file.substring(0, file.length() - 2));
      }
    }
    Path testkit = Path.of(args[0], LiveTarget.class.getPackageName().replace('.', '/'));
    for (String file : Targets.names(testkit)) {
      if (file.endsWith(".c")) {
        CProgram.resource(LiveTarget.class, file);
      }
    }
  }
}
