/** Placeholder of the layer's contract. */
@NullMarked
package io.predump.images;

import org.jspecify.annotations.NullMarked;
