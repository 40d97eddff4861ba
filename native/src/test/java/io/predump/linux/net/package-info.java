/** Tests of the sockets. */
@NullMarked
package io.predump.linux.net;

import org.jspecify.annotations.NullMarked;
