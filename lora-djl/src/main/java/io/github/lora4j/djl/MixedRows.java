package io.github.lora4j.djl;

import io.github.lora4j.djl.layer.AdapterSegment;
import io.github.lora4j.djl.layer.AdapterSlot;
import io.github.lora4j.djl.layer.HeldAdapters;
import io.github.lora4j.djl.layer.TokenBatch;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Rows under different adapters in the order of a batch, those of one adapter together. */
final class MixedRows implements AutoCloseable {

  private final HeldAdapters held;
  private final int[] vocabularies; // of the rows' models
  private final List<Integer> order; // of the batch: indices of rows

  /**
   * Takes the adapters of some rows and keeps them until this is closed.
   *
   * @param models one a row, all on one base
   * @throws IllegalStateException naming every row whose adapter is closed
   */
  MixedRows(List<CausalLm> models) {
    List<Optional<AdapterSlot>> slots = models.stream().map(CausalLm::adapterSlot).toList();
    this.held = new HeldAdapters(slots, "row");
    this.vocabularies = models.stream().mapToInt(CausalLm::vocabulary).toArray();
    Map<Optional<AdapterSlot>, List<Integer>> groups =
        IntStream.range(0, slots.size())
            .boxed()
            .collect(Collectors.groupingBy(slots::get, LinkedHashMap::new, Collectors.toList()));
    this.order = groups.values().stream().flatMap(List::stream).toList();
  }

  /**
   * Checks that every row has a model of one base.
   *
   * @throws IllegalArgumentException naming every row that has not
   */
  static void check(CausalLm base, List<CausalLm> models, int rows) {
    if (models.size() != rows) {
      throw new IllegalArgumentException(
          "wanted a model for each row, got %d models for %d rows".formatted(models.size(), rows));
    }
    String problems =
        IntStream.range(0, rows)
            .filter(row -> models.get(row).decoder() != base.decoder())
            .mapToObj(
                "row %d: its model stands on another base; load its adapter beside this one"
                    ::formatted)
            .collect(Collectors.joining("; "));
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(problems);
    }
  }

  /** The rows' tokens in the order of the batch. */
  TokenBatch batch(int[][] rows) {
    return TokenBatch.of(order.stream().map(row -> rows[row]).toArray(int[][]::new));
  }

  /** Which rows of the batch see which adapter. */
  List<AdapterSegment> segments() {
    return AdapterSegment.of(order.stream().map(held::of).toList());
  }

  /** What the batch gave, in the order of the rows, without words that a row's model lacks. */
  float[][][] restored(float[][][] batch) {
    float[][][] rows = new float[batch.length][][];
    for (int i = 0; i < batch.length; i++) {
      int row = order.get(i);
      rows[row] =
          Arrays.stream(batch[i])
              .map(scores -> Arrays.copyOf(scores, vocabularies[row]))
              .toArray(float[][]::new);
    }
    return rows;
  }

  @Override
  public void close() {
    held.close();
  }
}
