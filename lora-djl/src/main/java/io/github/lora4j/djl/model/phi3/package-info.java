/** Phi-3. */
@NullMarked
package io.github.lora4j.djl.model.phi3;

import org.jspecify.annotations.NullMarked;
