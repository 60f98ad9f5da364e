/** Runnable examples, one idea per file. */
@NullMarked
package io.github.lora4j.examples;

import org.jspecify.annotations.NullMarked;
