package io.predump.engine;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hasher128;
import com.dynatrace.hash4j.hashing.Hashing;
import java.security.SecureRandom;

/**
 * XXH3-128 of a page with a seed drawn per session and stored nowhere. The target chooses its bytes
 * but not our collisions; and whoever reads an image learns no hash.
 */
final class PageHash {
  private final Hasher128 hasher;

  private PageHash(Hasher128 hasher) {
    this.hasher = hasher;
  }

  static PageHash withRandomSeed() {
    return new PageHash(Hashing.xxh3_128(new SecureRandom().nextLong()));
  }

  HashValue128 of(byte[] page) {
    return hasher.hashBytesTo128Bits(page);
  }
}
