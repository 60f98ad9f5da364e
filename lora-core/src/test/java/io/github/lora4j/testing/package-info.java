/** A float-array engine that runs in milliseconds, as the oracle of the equation. */
@NullMarked
package io.github.lora4j.testing;

import org.jspecify.annotations.NullMarked;
