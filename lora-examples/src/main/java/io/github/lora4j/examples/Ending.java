package io.github.lora4j.examples;

import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.djl.data.PromptTemplate;
import java.util.OptionalInt;

/** Ends the answers of a template with what ends a text for a model, so that it learns to stop. */
final class Ending {

  private Ending() {}

  /** The template for a model; where no token ends a text, nothing stands behind the answer. */
  static PromptTemplate of(PromptTemplate template, Tokenizer tokenizer) {
    OptionalInt end = tokenizer.eosId();
    return template.endingWith(
        end.isPresent() ? tokenizer.decode(new int[] {end.getAsInt()}, false) : "");
  }
}
