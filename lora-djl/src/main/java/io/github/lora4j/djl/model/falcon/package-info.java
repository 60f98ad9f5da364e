/** Falcon. */
@NullMarked
package io.github.lora4j.djl.model.falcon;

import org.jspecify.annotations.NullMarked;
