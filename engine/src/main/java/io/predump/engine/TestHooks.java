package io.predump.engine;

import java.util.EnumSet;
import java.util.Set;

/**
 * Switches protections off so that tests can prove that the checks fail without them.
 *
 * @param off the protections that are off
 */
record TestHooks(Set<Protection> off) {
  /** Every protection on. */
  static final TestHooks NONE = new TestHooks(Set.of());

  /** {@return every protection on but this one} */
  static TestHooks without(Protection protection) {
    return new TestHooks(EnumSet.of(protection));
  }

  /** {@return whether a protection is on} */
  boolean on(Protection protection) {
    return !off.contains(protection);
  }
}
