/** GPT-2. */
@NullMarked
package io.github.lora4j.djl.model.gpt2;

import org.jspecify.annotations.NullMarked;
