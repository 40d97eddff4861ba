package io.predump.images;

import java.util.Locale;
import java.util.Optional;

/**
 * Which CRIU wrote the files in a round's {@code criu/}, and who wrote the pages.
 *
 * @param version CRIU's version, such as {@code 4.2.1}
 * @param mode how CRIU was kept from copying private memory
 */
public record CriuOrigin(String version, Mode mode) {
  /** How CRIU was kept from copying private memory. */
  public enum Mode {
    /** It saw no resident page: every private page is the chain's. */
    VEIL,
    /** It ran with {@code --lazy-pages}: its pagemaps say which private pages are the chain's. */
    LAZY;

    /** {@return the name in manifests and in JSON} */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Optional<Mode> of(String label) {
      for (Mode mode : values()) {
        if (mode.label().equals(label)) {
          return Optional.of(mode);
        }
      }
      return Optional.empty();
    }
  }
}
