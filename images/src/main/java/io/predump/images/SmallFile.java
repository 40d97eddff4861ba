package io.predump.images;

/**
 * One file in a manifest that is checked as a whole.
 *
 * @param name file name
 * @param bytes file size
 * @param sha256 SHA-256 of its bytes, 64 lower-case hexadecimal digits
 */
public record SmallFile(String name, long bytes, String sha256) {}
