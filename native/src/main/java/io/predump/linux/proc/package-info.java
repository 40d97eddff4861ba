/**
 * What {@code /proc} says about a process. Parsing stands apart from reading: every format has a
 * {@code parse} that takes the text, and a {@code read} that takes a process.
 *
 * <p>Names in these files are chosen by the process looked at: a program may call itself {@code ")
 * R 1 (}, a file may hold spaces and line breaks. The parsers trust none of them.
 */
@NullMarked
package io.predump.linux.proc;

import org.jspecify.annotations.NullMarked;
