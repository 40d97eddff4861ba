/** Tests of the daemon. */
@NullMarked
package io.predump.daemon;

import org.jspecify.annotations.NullMarked;
