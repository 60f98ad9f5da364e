package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns records into token examples by a template. */
final class PromptEncoder {

  private static final Logger log = LoggerFactory.getLogger(PromptEncoder.class);

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
    List<TokenExample> examples = new ArrayList<>();
    int cut = 0;
    int skipped = 0;
    for (int i = 0; i < records.size(); i++) {
      TokenExample example = encode(records.get(i));
      int length = example.tokens().length;
      if (length <= truncation.maxTokens()) {
        examples.add(example);
        continue;
      }
      switch (truncation.mode()) {
        case REFUSE ->
            throw new LoraException(
                "%s has %d tokens, the limit is %d; choose another truncation"
                    .formatted(names.apply(i), length, truncation.maxTokens()));
        case SKIP -> skipped++;
        case KEEP_START -> examples.add(slice(example, 0, truncation.maxTokens()));
        case KEEP_END -> examples.add(slice(example, length - truncation.maxTokens(), length));
        case NONE -> examples.add(example);
      }
      cut++;
    }
    if (cut > 0) {
      log.info(
          "{} of {} examples are longer than {} tokens: {} left out, {} cut",
          cut,
          records.size(),
          truncation.maxTokens(),
          skipped,
          cut - skipped);
    }
    return TrainingDataset.of(examples);
  }

  private static TokenExample slice(TokenExample example, int from, int to) {
    return new TokenExample(
        Arrays.copyOfRange(example.tokens(), from, to),
        Arrays.copyOfRange(example.labels(), from, to));
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
