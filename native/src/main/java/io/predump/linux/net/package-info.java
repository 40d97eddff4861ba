/**
 * Unix sockets: connected ones that carry bytes and descriptors, and the identity of who connected.
 *
 * <p>The JDK has a channel for unix stream sockets. It does not tell the process id of the peer,
 * knows no SOCK_SEQPACKET, passes no descriptors, and makes a listening socket with the rights that
 * the umask happens to leave. Hence {@link io.predump.linux.net.UnixSocket}.
 *
 * <p>What it does not do: frame messages, keep connections, trust a peer. Other address families
 * are the JDK's.
 */
@NullMarked
package io.predump.linux.net;

import org.jspecify.annotations.NullMarked;
