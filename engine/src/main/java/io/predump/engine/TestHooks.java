package io.predump.engine;

import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Switches protections off so that tests can prove that the checks fail without them, and tells
 * tests of the steps at which the engine might be killed.
 *
 * @param off the protections that are off
 * @param steps is told of each step before it is done
 */
record TestHooks(Set<Protection> off, Consumer<String> steps) {
  /** Every protection on, nobody watches. */
  static final TestHooks NONE = new TestHooks(Set.of(), step -> {});

  /** {@return every protection on but this one} */
  static TestHooks without(Protection protection) {
    return new TestHooks(EnumSet.of(protection), NONE.steps);
  }

  /** {@return every protection on, and somebody who is told of each step} */
  static TestHooks watched(Consumer<String> steps) {
    return new TestHooks(Set.of(), steps);
  }

  /** {@return whether a protection is on} */
  boolean on(Protection protection) {
    return !off.contains(protection);
  }

  /** A step is about to be done: a constant of a few words. */
  void before(String step) {
    steps.accept(step);
  }
}
