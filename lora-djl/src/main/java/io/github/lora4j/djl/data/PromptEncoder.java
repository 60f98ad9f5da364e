package io.github.lora4j.djl.data;

import io.github.lora4j.djl.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** Turns records into token examples by a template. */
final class PromptEncoder {

  private final PromptTemplate template;
  private final Tokenizer tokenizer;
  private final Labels labels;
  private final Truncation truncation;

  PromptEncoder(
      PromptTemplate template, Tokenizer tokenizer, Labels labels, Truncation truncation) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.labels = labels;
    this.truncation = truncation;
  }

  TrainingDataset encode(List<Map<String, String>> records) {
    return encode(records, i -> "example " + i);
  }

  /** The same; the names say where each record comes from. */
  TrainingDataset encode(List<Map<String, String>> records, IntFunction<String> names) {
    return TruncatedExamples.of(records.size(), i -> encode(records.get(i)), names, truncation);
  }

  private TokenExample encode(Map<String, String> values) {
    int[] tokens = tokenizer.encode(template.text(values));
    if (labels == Labels.ALL_TOKENS) {
      return TokenExample.of(tokens);
    }
    // A token that straddles the border belongs to the answer: it could not have been given.
    int[] prompt = tokenizer.encode(template.prompt(values));
    int border = 0;
    while (border < prompt.length && border < tokens.length && prompt[border] == tokens[border]) {
      border++;
    }
    int[] marked = tokens.clone();
    Arrays.fill(marked, 0, border, TokenExample.IGNORE);
    return new TokenExample(tokens, marked);
  }
}
