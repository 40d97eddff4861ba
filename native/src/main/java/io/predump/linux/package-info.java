/** Placeholder of the layer's contract. */
@NullMarked
package io.predump.linux;

import org.jspecify.annotations.NullMarked;
