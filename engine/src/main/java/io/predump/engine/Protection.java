package io.predump.engine;

/** What keeps a page from being lost. Tests switch one off to prove that they would notice. */
enum Protection {
  /** Memory once armed is listed and armed again each round. */
  REARM,
  /** A target whose memory cgroup has no room for what copying charges to it is refused. */
  MEMORY_ROOM,
  /** Near vm.max_map_count no mapping is split to let go of it in steps. */
  MAPPINGS_TO_SPARE
}
