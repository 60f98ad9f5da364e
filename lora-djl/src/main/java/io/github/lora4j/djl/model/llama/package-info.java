/** Llama and models that differ from it in a few settings: Mistral, Qwen2, Qwen3. */
@NullMarked
package io.github.lora4j.djl.model.llama;

import org.jspecify.annotations.NullMarked;
