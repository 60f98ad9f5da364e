/** Tensor files: safetensors, single and sharded. */
@NullMarked
package io.github.lora4j.io;

import org.jspecify.annotations.NullMarked;
