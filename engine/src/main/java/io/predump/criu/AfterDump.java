package io.predump.criu;

/** What becomes of the tree once it is dumped. */
public enum AfterDump {
  /** It ends, as soon as the checkpoint is durable. */
  KILLED,
  /** It runs on as soon as everything is read. */
  RUNNING,
  /** It stays, stopped by a signal, once the checkpoint is durable. */
  STOPPED
}
