/** Placeholder of the layer's contract. */
@NullMarked
package io.predump.engine;

import org.jspecify.annotations.NullMarked;
