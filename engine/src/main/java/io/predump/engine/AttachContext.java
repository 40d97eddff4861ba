package io.predump.engine;

import io.predump.linux.KernelFeatures;

/**
 * What attaching to any process of a tree needs to know besides the process.
 *
 * @param namespaceDepth how deep the pid namespace lies whose pids the images use, 0 for ours
 * @param tracker what finds written pages in every process of the tree
 * @param admission which processes may be taken
 */
record AttachContext(
    int namespaceDepth,
    KernelFeatures features,
    TrackerPlan tracker,
    SessionOptions options,
    Admission admission,
    TestHooks hooks) {}
