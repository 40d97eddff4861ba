package io.predump.junit;

import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** CPython with objects of all sizes that come and go. */
final class PythonRestoreIT {
  private static final String SCRIPT =
      """
      import hashlib, random, time
      choice = random.Random(1)
      held = {}
      digest = b""
      step = 0
      while True:
          step += 1
          for _ in range(50):
              key = choice.randrange(5000)
              if choice.random() < 0.3:
                  held.pop(key, None)
              else:
                  held[key] = [choice.randrange(1 << 64), choice.randbytes(choice.randrange(4000))]
          for key in sorted(held)[step % 7 :: 97]:
              digest = hashlib.sha256(digest + held[key][1] + b"%d" % held[key][0]).digest()
          print(step, len(held), digest.hex(), flush=True)
          time.sleep(0.005)
      """;

  @RegisterExtension final CheckpointTarget program = python();

  @RegisterExtension final CheckpointTarget twin = python();

  private static CheckpointTarget python() {
    return CheckpointTarget.command("/usr/bin/python3", "program.py")
        .prepare(target -> Files.writeString(target.directory().resolve("program.py"), SCRIPT))
        .readyWhenPrinted("\n50 ")
        .build();
  }

  @Test
  void goesOnLikeOneToWhichNothingHappened() throws Exception {
    Continuation.assertGoesOnLikeItsTwin(program, twin);
  }
}
