@NullMarked
package io.predump.cli;

import org.jspecify.annotations.NullMarked;
