/** Causal language models with LoRA on Deep Java Library's PyTorch engine. */
@NullMarked
package io.github.lora4j.djl;

import org.jspecify.annotations.NullMarked;
