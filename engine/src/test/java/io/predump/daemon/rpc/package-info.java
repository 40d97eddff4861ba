/** Tests of CRIU's RPC. */
@NullMarked
package io.predump.daemon.rpc;

import org.jspecify.annotations.NullMarked;
