/** Gemma 2 and 3. */
@NullMarked
package io.github.lora4j.djl.model.gemma;

import org.jspecify.annotations.NullMarked;
