/** Tests of the image messages. */
@NullMarked
package io.predump.proto;

import org.jspecify.annotations.NullMarked;
