package io.predump.linux;

/** The processor architecture this module runs on: x86-64, for now the only one. */
public final class Architecture {
  private Architecture() {}

  /** Returns the machine's architecture as the JVM names it, {@code amd64} spelled x86-64. */
  public static String name() {
    return spelled(System.getProperty("os.arch", "unknown"));
  }

  /**
   * Checks that this machine is x86-64.
   *
   * @throws UnsupportedOperationException on another architecture, named in the message
   */
  public static void requireX8664() {
    require(name());
  }

  static String spelled(String osArch) {
    return osArch.equals("amd64") || osArch.equals("x86_64") ? "x86-64" : osArch;
  }

  static void require(String name) {
    if (!name.equals("x86-64")) {
      throw new UnsupportedOperationException("x86-64 only for now, this machine is " + name);
    }
  }
}
