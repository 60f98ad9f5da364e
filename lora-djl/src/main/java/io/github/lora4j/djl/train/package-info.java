/** Training of adapters: options, loop, checkpoints, and what is reported on the way. */
@NullMarked
package io.github.lora4j.djl.train;

import org.jspecify.annotations.NullMarked;
