package io.predump.images;

/**
 * One pages file in a manifest.
 *
 * @param name file name, {@code pages-N.img.zst}
 * @param pagemap file name of the pagemap that lists its pages
 * @param bytes file size, seek table included
 * @param frames its frames, in file order
 * @param seekTableSha256 SHA-256 of the bytes after the last frame, 64 hexadecimal digits
 */
public record PagesFile(
    String name, String pagemap, long bytes, FrameTable frames, String seekTableSha256) {}
