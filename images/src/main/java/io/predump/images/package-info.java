/**
 * Reads and writes image directories; knows nothing of live processes.
 *
 * <p>A directory holds one chain: rounds {@code 0001}, {@code 0002}, …, each complete, durable and
 * never changed again. {@link io.predump.images.ChainDirectory} is the directory, {@link
 * io.predump.images.RoundWriter} adds a round, {@link io.predump.images.ImageChain} reads pages
 * back, {@link io.predump.images.ChainVerifier} checks every byte.
 *
 * <p>A reader trusts nothing: lengths, counts, offsets and order are checked before use. What is
 * wrong with a file is an {@link io.predump.images.ImageException} that names it; what is wrong
 * with the disk is a plain {@link java.io.IOException}. Caller errors are {@link
 * java.lang.IllegalArgumentException} and {@link java.lang.IllegalStateException}.
 *
 * <p>Addresses are unsigned, page aligned bytes; ranges are half-open. A page is 4096 bytes.
 */
@NullMarked
package io.predump.images;

import org.jspecify.annotations.NullMarked;
