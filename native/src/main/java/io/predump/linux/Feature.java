package io.predump.linux;

/**
 * One thing the kernel or this user can or cannot do.
 *
 * @param name what, in the words of the documentation
 * @param present whether it works here
 * @param reason how that is known, or why not; never empty
 */
public record Feature(String name, boolean present, String reason) {
  @Override
  public String toString() {
    return name + "=" + (present ? "yes" : "no") + " (" + reason + ")";
  }
}
