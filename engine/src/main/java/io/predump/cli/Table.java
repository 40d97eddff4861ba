package io.predump.cli;

import java.util.ArrayList;
import java.util.List;

/**
 * Columns of text, two blanks apart. A header of one or two lines; lines can be made one by one,
 * before the later ones are known. Immutable.
 */
final class Table {
  private static final String GAP = "  ";
  private final List<Column> columns;

  Table(List<Column> columns) {
    this.columns = List.copyOf(columns);
  }

  /**
   * One column.
   *
   * @param title first header line
   * @param unit second header line, empty for none
   * @param left aligned to the left, else to the right
   * @param width least width
   */
  record Column(String title, String unit, boolean left, int width) {
    /** {@return a column of text} */
    static Column text(String title) {
      return new Column(title, "", true, 0);
    }

    /** {@return a column of numbers, as wide as {@code widest}} */
    static Column number(String title, String unit, String widest) {
      return new Column(title, unit, false, widest.length());
    }

    /** {@return a column of numbers} */
    static Column number(String title, String unit) {
      return new Column(title, unit, false, 0);
    }

    int leastWidth() {
      return Math.max(width, Math.max(title.length(), unit.length()));
    }

    String align(String cell) {
      String blanks = " ".repeat(Math.max(0, leastWidth() - cell.length()));
      return left ? cell + blanks : blanks + cell;
    }
  }

  /** {@return the header, without a line end at its end} */
  String header() {
    String titles = join(columns.stream().map(c -> c.align(c.title())).toList());
    if (columns.stream().allMatch(c -> c.unit().isEmpty())) {
      return titles;
    }
    return titles + "\n" + join(columns.stream().map(c -> c.align(c.unit())).toList());
  }

  /** {@return one row, without a line end} */
  String line(List<String> cells) {
    if (cells.size() != columns.size()) {
      throw new IllegalArgumentException("cells=" + cells.size() + " columns=" + columns.size());
    }
    List<String> aligned = new ArrayList<>();
    for (int i = 0; i < cells.size(); i++) {
      aligned.add(columns.get(i).align(cells.get(i)));
    }
    return join(aligned);
  }

  /** {@return header and rows, with columns as wide as needed; every line ends with a line end} */
  String render(List<List<String>> rows) {
    List<Column> fitted = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      Column c = columns.get(i);
      int width = c.width();
      for (List<String> row : rows) {
        width = Math.max(width, row.get(i).length());
      }
      fitted.add(new Column(c.title(), c.unit(), c.left(), width));
    }
    Table table = new Table(fitted);
    StringBuilder text = new StringBuilder(table.header()).append('\n');
    rows.forEach(row -> text.append(table.line(row)).append('\n'));
    return text.toString();
  }

  private static String join(List<String> cells) {
    return String.join(GAP, cells).stripTrailing();
  }
}
