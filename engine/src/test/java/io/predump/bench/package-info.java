/**
 * The benchmark, `./build bench`: our rounds and the C floor against the same live process in one
 * run. Not a test; it passes no judgement but the word beside each goal.
 */
@NullMarked
package io.predump.bench;

import org.jspecify.annotations.NullMarked;
