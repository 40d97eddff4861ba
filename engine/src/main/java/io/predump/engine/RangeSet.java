package io.predump.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A set of addresses as disjoint half-open ranges that never touch. */
final class RangeSet {
  private final TreeMap<Long, Long> ends = new TreeMap<>();

  /** Adds {@code [start, end)}. */
  void add(long start, long end) {
    Map.Entry<Long, Long> before = ends.floorEntry(start);
    if (before != null && before.getValue() >= start) {
      start = before.getKey();
      end = Math.max(end, before.getValue());
    }
    Map.Entry<Long, Long> next;
    while ((next = ends.ceilingEntry(start)) != null && next.getKey() <= end) {
      end = Math.max(end, next.getValue());
      ends.remove(next.getKey());
    }
    ends.put(start, end);
  }

  /** {@return whether all of {@code [start, end)} is in the set} */
  boolean contains(long start, long end) {
    Map.Entry<Long, Long> before = ends.floorEntry(start);
    return before != null && before.getValue() >= end;
  }

  /** Takes {@code [start, end)} out. */
  void remove(long start, long end) {
    Map.Entry<Long, Long> before = ends.lowerEntry(start);
    if (before != null && before.getValue() > start) {
      long beforeEnd = before.getValue();
      ends.put(before.getKey(), start);
      if (beforeEnd > end) {
        ends.put(end, beforeEnd);
      }
    }
    Map.Entry<Long, Long> next;
    while ((next = ends.ceilingEntry(start)) != null && next.getKey() < end) {
      ends.remove(next.getKey());
      if (next.getValue() > end) {
        ends.put(end, next.getValue());
      }
    }
  }

  /** Takes everything out. */
  void clear() {
    ends.clear();
  }

  /** {@return the ranges in address order, each {start, end}} */
  List<long[]> ranges() {
    List<long[]> ranges = new ArrayList<>(ends.size());
    ends.forEach((start, end) -> ranges.add(new long[] {start, end}));
    return ranges;
  }
}
