package io.predump.daemon;

/**
 * Text of strangers as a value in a line of the log: in quotes, without line breaks or controls.
 */
public final class Quoted {
  private static final int MOST = 400;

  private Quoted() {}

  /** {@return the text as a value} */
  public static String of(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    text.codePoints()
        .limit(MOST)
        .forEach(
            c -> {
              if (c == '"' || c == '\\') {
                quoted.append('\\').appendCodePoint(c);
              } else if (Character.isISOControl(c)
                  || Character.getType(c) == Character.FORMAT
                  || Character.getType(c) == Character.LINE_SEPARATOR
                  || Character.getType(c) == Character.PARAGRAPH_SEPARATOR) {
                quoted.append('?');
              } else {
                quoted.appendCodePoint(c);
              }
            });
    return quoted.append(text.codePointCount(0, text.length()) > MOST ? "...\"" : "\"").toString();
  }
}
