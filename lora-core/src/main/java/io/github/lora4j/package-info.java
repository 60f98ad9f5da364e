/** LoRA as it holds in any engine: configuration, target matching, adapters and PEFT's files. */
@NullMarked
package io.github.lora4j;

import org.jspecify.annotations.NullMarked;
