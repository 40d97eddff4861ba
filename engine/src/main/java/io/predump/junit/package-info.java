/**
 * Tests that checkpoint a program and look at what comes back, as an extension of JUnit 5: it
 * starts the program, puts load on it, checkpoints it with or without CRIU, restores it, and
 * compares memory with the images page by page.
 *
 * <pre>{@code
 * @RegisterExtension
 * final CheckpointTarget redis =
 *     CheckpointTarget.command("redis-server", "--port", "{port}", "--save", "")
 *         .readyWhenListening()
 *         .build();
 *
 * @Test
 * void everyPageUnderLoadIsInTheImages() throws Exception {
 *   redis.load("redis-benchmark", "-p", "{port}", "-t", "set", "-n", "100000000");
 *
 *   redis.checkpoint().rounds(4).take().assertSameAsMemory();
 * }
 * }</pre>
 *
 * <p>Each test gets a target of its own, and at its end every process of it is killed, by its pid,
 * whether it was restored or not. The target is started as a checkpoint needs it: no child of the
 * test's JVM, which would take its stops away; leader of a session of its own, which CRIU asks for;
 * and under a parent that reaps it, for a restored process takes its old pid. Checkpoints need
 * root.
 *
 * <p>A test that cannot fail proves nothing. So a load that does no work, a comparison that
 * compares nothing and a target that has ended are failures; and a failed comparison names mapping,
 * page and round.
 *
 * <p>JUnit is needed by whoever uses this package, and by nobody else: it is in no jar of ours.
 */
@NullMarked
package io.predump.junit;

import org.jspecify.annotations.NullMarked;
