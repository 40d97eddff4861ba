package io.predump.images;

import java.util.List;

/** A process of a CRIU checkpoint. */
public record CriuTask(int vpid, int pagesId, List<Mapping> privateMappings) {
  /** Addresses. */
  public record Mapping(long start, long end) {}
}
