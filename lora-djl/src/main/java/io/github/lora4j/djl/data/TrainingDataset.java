package io.github.lora4j.djl.data;

import java.util.List;

/**
 * Tokenised examples, by index. Every call of {@link #get} with one index gives the same example.
 *
 * @since 0.1.0
 */
public interface TrainingDataset {

  /**
   * Number of examples.
   *
   * @return the count
   */
  int size();

  /**
   * One example.
   *
   * @param index from 0
   * @return tokens and labels
   */
  TokenExample get(int index);

  /**
   * A dataset in memory.
   *
   * @param examples the examples
   * @return a dataset over a copy of the list
   */
  static TrainingDataset of(List<TokenExample> examples) {
    List<TokenExample> copy = List.copyOf(examples);
    return new TrainingDataset() {
      @Override
      public int size() {
        return copy.size();
      }

      @Override
      public TokenExample get(int index) {
        return copy.get(index);
      }
    };
  }
}
