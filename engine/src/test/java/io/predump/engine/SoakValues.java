package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/** What the only client of a key-value server wrote, so that it can tell what it must read. */
final class SoakValues {
  /** A server that keeps values, all of printable characters. */
  interface Store {
    void put(String key, String value) throws Exception;

    String get(String key) throws Exception;
  }

  private final Store store;
  private final int keys;
  private final int mostCharacters;
  private final Map<String, Long> written = new HashMap<>();

  SoakValues(Store store, int keys, int mostCharacters) {
    this.store = store;
    this.keys = keys;
    this.mostCharacters = mostCharacters;
  }

  /** Writes a value, or reads one and checks it. */
  void step(Random random) throws Exception {
    String key = "key-" + random.nextInt(keys);
    Long seed = written.get(key);
    if (seed == null || random.nextBoolean()) {
      long newSeed = random.nextLong();
      store.put(key, value(newSeed));
      written.put(key, newSeed);
    } else {
      assertThat(store.get(key)).as(key).isEqualTo(value(seed));
    }
  }

  private String value(long seed) {
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder();
    int length = 16 + random.nextInt(mostCharacters);
    while (text.length() < length) {
      text.append(Long.toString(random.nextLong() >>> 1, 36));
    }
    return text.toString();
  }
}
