/**
 * Live targets for tests: C programs, compiled on the spot, started so that ptrace can stop them.
 */
@NullMarked
package io.predump.linux.testkit;

import org.jspecify.annotations.NullMarked;
