package io.predump.engine;

import io.predump.images.PagesName;
import org.jspecify.annotations.Nullable;

/**
 * One pagemap of the images: a process's private memory, or one shared object.
 *
 * @param name its name in the images
 * @param table what is known of its pages
 * @param origin where its bytes come from
 * @param owner the process it belongs to, null for what several share
 * @param jobs what this round reads of it
 */
record PageSpace(
    PagesName name,
    PageTable table,
    PageOrigin origin,
    @Nullable AttachedProcess owner,
    RunList.Jobs jobs) {}
