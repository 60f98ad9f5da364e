package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Token examples of which none is longer than wanted. */
final class TruncatedExamples {

  private static final Logger log = LoggerFactory.getLogger(TruncatedExamples.class);

  private TruncatedExamples() {}

  /**
   * A dataset in memory.
   *
   * @param count of examples
   * @param example by index, whole
   * @param names where each comes from, to be said if it is refused
   * @param truncation what to do with long ones
   */
  static TrainingDataset of(
      int count,
      IntFunction<TokenExample> example,
      IntFunction<String> names,
      Truncation truncation) {
    List<TokenExample> examples = new ArrayList<>();
    int cut = 0;
    int skipped = 0;
    for (int i = 0; i < count; i++) {
      TokenExample whole = example.apply(i);
      int length = whole.tokens().length;
      if (length <= truncation.maxTokens()) {
        examples.add(whole);
        continue;
      }
      switch (truncation.mode()) {
        case REFUSE ->
            throw new LoraException(
                "%s has %d tokens, the limit is %d; choose another truncation"
                    .formatted(names.apply(i), length, truncation.maxTokens()));
        case SKIP -> skipped++;
        case KEEP_START -> examples.add(slice(whole, 0, truncation.maxTokens()));
        case KEEP_END -> examples.add(slice(whole, length - truncation.maxTokens(), length));
        case NONE -> examples.add(whole);
      }
      cut++;
    }
    if (cut > 0) {
      log.info(
          "{} of {} examples are longer than {} tokens: {} left out, {} cut",
          cut,
          count,
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
}
