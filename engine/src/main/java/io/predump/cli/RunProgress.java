package io.predump.cli;

import io.predump.engine.FreezeRecord;
import io.predump.engine.LoopListener;
import io.predump.images.RoundRecord;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Shows a run while it goes. To a person: a table that grows by a line per round, and a bar inside
 * a round that takes long. Else: a sentence per round. Safe for use by several threads.
 */
final class RunProgress implements LoopListener {
  /** How much is shown. */
  enum Style {
    /** Warnings only. */
    QUIET,
    /** A sentence per round. */
    LINES,
    /** A table and a bar, for a person. */
    LIVE
  }

  /** Rounds shorter than this show no bar. */
  static final long BAR_AFTER_NANOS = 300_000_000L;

  private static final int BAR_CELLS = 30;

  private final Terminal terminal;
  private final Style style;
  private final LongSupplier nanoTime;
  private final Set<String> warned = new HashSet<>();
  private long roundStartNanos;
  private int barLength;
  private boolean headerShown;

  RunProgress(Terminal terminal, Style style) {
    this(terminal, style, System::nanoTime);
  }

  /** For tests: with a clock of their own. */
  RunProgress(Terminal terminal, Style style, LongSupplier nanoTime) {
    this.terminal = terminal;
    this.style = style;
    this.nanoTime = nanoTime;
  }

  /** {@return the style that suits a terminal} */
  static Style style(Terminal terminal, boolean quiet, boolean json) {
    if (quiet) {
      return Style.QUIET;
    }
    return terminal.interactive() && !json ? Style.LIVE : Style.LINES;
  }

  /** {@return whether the rounds have been shown as a table already} */
  boolean showsTable() {
    return style == Style.LIVE;
  }

  @Override
  public synchronized void attached(String description) {
    if (style != Style.QUIET) {
      terminal.err().println("tracker: " + description);
    }
  }

  @Override
  public synchronized void warning(String message) {
    if (warned.add(message)) {
      clearBar();
      terminal.err().println("warning: " + message);
    }
  }

  @Override
  public synchronized void hugePagesRestored(long restored, long wanted) {
    clearBar();
    terminal
        .err()
        .println(
            "huge pages put together again: "
                + Units.count(restored)
                + " of "
                + Units.count(wanted));
  }

  @Override
  public synchronized void roundStarted(int round) {
    roundStartNanos = nanoTime.getAsLong();
  }

  @Override
  public synchronized void progress(int round, long doneBytes, long totalBytes) {
    long nanos = nanoTime.getAsLong() - roundStartNanos;
    if (style != Style.LIVE || nanos < BAR_AFTER_NANOS || totalBytes <= 0) {
      return;
    }
    double part = Math.min(1.0, (double) doneBytes / totalBytes);
    int cells = (int) (part * BAR_CELLS);
    String line =
        String.format(
            Locale.ROOT,
            "round %d [%s%s] %3d %%  %s of %s  %s",
            round,
            "#".repeat(cells),
            ".".repeat(BAR_CELLS - cells),
            (int) (part * 100),
            Units.bytes(doneBytes),
            Units.bytes(totalBytes),
            Units.rate((long) (doneBytes / (nanos / 1e9))));
    String blanks = " ".repeat(Math.max(0, barLength - line.length()));
    terminal.err().print("\r" + line + blanks);
    terminal.err().flush();
    barLength = line.length();
  }

  @Override
  public synchronized void roundFinished(RoundRecord record) {
    clearBar();
    switch (style) {
      case QUIET -> {}
      case LINES -> terminal.err().println(RoundTable.sentence(record));
      case LIVE -> {
        if (!headerShown) {
          terminal.err().println(RoundTable.TABLE.header());
          headerShown = true;
        }
        terminal.err().println(RoundTable.TABLE.line(RoundTable.cells(record)));
      }
    }
  }

  @Override
  public synchronized void thawed(FreezeRecord freeze) {
    clearBar();
    if (style == Style.LINES) {
      terminal.err().println("thawed after " + Units.micros(freeze.frozenMicros()));
    }
  }

  /** Leaves no half a bar behind. */
  synchronized void ended() {
    clearBar();
  }

  private void clearBar() {
    if (barLength > 0) {
      terminal.err().print("\r" + " ".repeat(barLength) + "\r");
      terminal.err().flush();
      barLength = 0;
    }
  }
}
