package io.github.lora4j.djl.train;

import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.internal.RandomStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * What one look at a whole dataset tells. Mistakes show before the first step rather than in the
 * middle of an epoch, and a checkpoint can say which data it belongs to.
 *
 * @param examples their number
 * @param checksum CRC-32C over all tokens and labels
 * @param lengths tokens of every example
 * @param labels of every example
 * @param families a number for every example, the same for those that begin with the same {@value
 *     #BEGINNING} tokens, as questions on one passage do; in the order of their first examples
 */
@SuppressWarnings("ArrayRecordComponent") // a number an example: boxes would be five times that
record DataSurvey(int examples, long checksum, int[] lengths, int[] labels, int[] families) {

  /** So many tokens tell passages apart. */
  private static final int BEGINNING = 32;

  /**
   * Reads a dataset.
   *
   * @param what how to call it in messages
   * @param dataset to be read once
   * @param vocabulary ids of the model
   * @throws IllegalArgumentException if it is empty, has no labels or an id outside the vocabulary
   */
  static DataSurvey of(String what, TrainingDataset dataset, int vocabulary) {
    if (dataset.size() == 0) {
      throw new IllegalArgumentException(
          "the %s is empty; it needs at least one example".formatted(what));
    }
    CRC32C checksum = new CRC32C();
    int[] lengths = new int[dataset.size()];
    int[] labels = new int[dataset.size()];
    int[] families = new int[dataset.size()];
    Map<Long, Integer> known = new HashMap<>();
    boolean labelled = false;
    for (int index = 0; index < dataset.size(); index++) {
      TokenExample example = dataset.get(index);
      for (int position = 0; position < example.tokens().length; position++) {
        int label = example.labels()[position];
        checkId(what, index, position, "token", example.tokens()[position], vocabulary);
        if (label != TokenExample.IGNORE) {
          checkId(what, index, position, "label", label, vocabulary);
          labels[index]++;
          labelled |= position > 0; // the first token of a text is never predicted
        }
      }
      add(checksum, example.tokens());
      add(checksum, example.labels());
      lengths[index] = example.tokens().length;
      families[index] = family(known, example.tokens());
    }
    if (!labelled) {
      throw new IllegalArgumentException(
          ("the %s has %d examples but no position to learn from: every label is %d or stands at"
                  + " the first token; check the template, the labels and the truncation")
              .formatted(what, dataset.size(), TokenExample.IGNORE));
    }
    return new DataSurvey(dataset.size(), checksum.getValue(), lengths, labels, families);
  }

  private static int family(Map<Long, Integer> known, int[] tokens) {
    long key = RandomStream.seed(Arrays.stream(tokens).limit(BEGINNING).asLongStream().toArray());
    Integer family = known.putIfAbsent(key, known.size());
    return family == null ? known.size() - 1 : family;
  }

  private static void checkId(
      String what, int index, int position, String kind, int id, int vocabulary) {
    if (id < 0 || id >= vocabulary) {
      throw new IllegalArgumentException(
          ("%s, example %d, position %d: %s id %d, the vocabulary has ids 0 to %d; tokenise with the"
                  + " tokenizer of this model")
              .formatted(what, index, position, kind, id, vocabulary - 1));
    }
  }

  private static void add(CRC32C checksum, int[] ids) {
    ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * (ids.length + 1)).putInt(ids.length);
    for (int id : ids) {
      bytes.putInt(id);
    }
    checksum.update(bytes.flip());
  }
}
