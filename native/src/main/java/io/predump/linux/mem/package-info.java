/**
 * The memory of another process: which pages it has, which were written, and their bytes.
 *
 * <p>{@link io.predump.linux.mem.PagemapScanner} asks and write-protects again, {@link
 * io.predump.linux.mem.Userfaultfd} makes that possible, {@link io.predump.linux.mem.ProcessMemory}
 * reads. None of them decides which pages matter. Nothing here allocates per call.
 */
@NullMarked
package io.predump.linux.mem;

import org.jspecify.annotations.NullMarked;
