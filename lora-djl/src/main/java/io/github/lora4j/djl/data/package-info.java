/** Training data: SQuAD, prompt templates, text and token datasets, and the official metric. */
@NullMarked
package io.github.lora4j.djl.data;

import org.jspecify.annotations.NullMarked;
