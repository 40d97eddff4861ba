package io.predump.linux;

/**
 * A descriptor number that means something in another process only.
 *
 * @param number the number in that process
 */
public record RemoteFd(int number) {
  @Override
  public String toString() {
    return "remote fd " + number;
  }
}
