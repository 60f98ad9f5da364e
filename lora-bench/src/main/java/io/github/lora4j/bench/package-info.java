/** Programs that are timed beside PEFT on the same files. */
@NullMarked
package io.github.lora4j.bench;

import org.jspecify.annotations.NullMarked;
