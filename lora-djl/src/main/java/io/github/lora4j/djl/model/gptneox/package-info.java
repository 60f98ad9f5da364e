/** GPT-NeoX and Pythia. */
@NullMarked
package io.github.lora4j.djl.model.gptneox;

import org.jspecify.annotations.NullMarked;
