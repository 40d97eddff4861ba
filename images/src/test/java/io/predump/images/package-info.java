@NullMarked
package io.predump.images;

import org.jspecify.annotations.NullMarked;
