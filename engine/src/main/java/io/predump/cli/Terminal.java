package io.predump.cli;

import java.io.PrintStream;

/**
 * Where a command writes.
 *
 * @param out results
 * @param err progress, warnings and errors
 * @param interactive whether a person watches, so that a line may be rewritten in place
 */
record Terminal(PrintStream out, PrintStream err, boolean interactive) {}
