/**
 * The command line: one class per command, none of which knows how memory is copied.
 *
 * <table>
 * <caption>Commands</caption>
 * <tr><th>command</th><th>class</th><th>what it does</th><th>exit codes besides 1 and 2</th></tr>
 * <tr><td>{@code check}</td><td>{@link io.predump.cli.CheckCommand}</td>
 *     <td>says what this kernel and this user can do, and why not</td><td>0 usable, 4 not</td></tr>
 * <tr><td>{@code run}</td><td>{@link io.predump.cli.RunCommand}</td>
 *     <td>takes rounds of a live process and ends with a short freeze</td>
 *     <td>3 target gone, 4, 5, 6 verification found differences</td></tr>
 * <tr><td>{@code show}</td><td>{@link io.predump.cli.ShowCommand}</td>
 *     <td>lists the rounds, VMAs or pages of an images directory</td><td>5</td></tr>
 * <tr><td>{@code verify}</td><td>{@link io.predump.cli.VerifyCommand}</td>
 *     <td>checks every byte of an images directory, and compares it with a stopped process</td>
 *     <td>5 damaged, 6 differs from the process</td></tr>
 * <tr><td>{@code demo}</td><td>{@link io.predump.cli.DemoCommand}</td>
 *     <td>does all of it on a process of its own</td><td>3, 4, 6</td></tr>
 * <tr><td>{@code daemon}</td><td>{@link io.predump.cli.DaemonCommand}</td>
 *     <td>keeps sessions between the steps of a dump</td><td>143 ended by SIGTERM</td></tr>
 * <tr><td>{@code attach}, {@code round}, {@code finish}, {@code status}, {@code list}, {@code watch},
 *     {@code detach}</td><td>{@link io.predump.cli.ClientCommand}</td>
 *     <td>asks a daemon</td><td>3 target gone, 4, 5, 6</td></tr>
 * </table>
 *
 * <p>{@link io.predump.cli.ExitCodes} maps every outcome and every exception to an exit code; no
 * other class decides one. Results go to standard output, progress, warnings and errors to standard
 * error. With {@code --json} standard output carries exactly one object, also when the command
 * fails. Numbers are formatted by {@link io.predump.cli.Units}, independent of the locale.
 */
@NullMarked
package io.predump.cli;

import org.jspecify.annotations.NullMarked;
