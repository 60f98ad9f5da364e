package io.github.lora4j.djl.data;

import java.util.List;

/**
 * Texts that are tokens already; every token is its own label.
 *
 * @since 0.1.0
 */
public final class TokenDataset {

  private TokenDataset() {}

  /**
   * A dataset of token rows.
   *
   * @param rows ids, one array a text
   * @return the dataset
   */
  public static TrainingDataset of(List<int[]> rows) {
    return TrainingDataset.of(rows.stream().map(TokenExample::of).toList());
  }
}
