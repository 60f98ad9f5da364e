/** Phi-1, Phi-1.5 and Phi-2. */
@NullMarked
package io.github.lora4j.djl.model.phi;

import org.jspecify.annotations.NullMarked;
