package io.predump.engine;

import java.io.IOException;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Lets tests switch protections off, to prove that the checks fail without them, act at moments
 * that matter, and learn of the steps at which the engine might be killed.
 *
 * @param off the protections that are off
 * @param acts what happens when a moment comes, each time
 * @param steps is told of each step before it is done
 */
record TestHooks(Set<Protection> off, Map<Moment, Act> acts, Consumer<String> steps) {
  /** Every protection on, nothing happens, nobody watches. */
  static final TestHooks NONE = new TestHooks(Set.of(), Map.of(), step -> {});

  /** A moment between two steps of the engine. */
  enum Moment {
    /** A live round has read maps and registered what is new, and has not scanned yet. */
    BEFORE_SCAN,
    /** Every page of a round is in its file, and nothing is committed. */
    BEFORE_COMMIT
  }

  /** What a test does at a moment. */
  interface Act {
    void run() throws IOException;
  }

  /** {@return every protection on but these} */
  static TestHooks without(Protection first, Protection... others) {
    return new TestHooks(EnumSet.of(first, others), Map.of(), NONE.steps);
  }

  /** {@return every protection on, and somebody who is told of each step} */
  static TestHooks watched(Consumer<String> steps) {
    return new TestHooks(Set.of(), Map.of(), steps);
  }

  /** {@return these hooks with something to do at a moment} */
  TestHooks at(Moment moment, Act act) {
    return new TestHooks(off, Map.of(moment, act), steps);
  }

  /** {@return whether a protection is on} */
  boolean on(Protection protection) {
    return !off.contains(protection);
  }

  /** The moment has come. */
  void come(Moment moment) throws IOException {
    Act act = acts.get(moment);
    if (act != null) {
      act.run();
    }
  }

  /** A step is about to be done: a constant of a few words. */
  void before(String step) {
    steps.accept(step);
  }
}
