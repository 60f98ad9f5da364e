package io.github.lora4j.djl.train;

import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.layer.SharedPrefixes;
import io.github.lora4j.djl.layer.TokenBatch;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts an accumulated batch anew, so that examples with a common beginning come into the same pass
 * and the beginning is computed once. Gradients are added up over all passes in any case. No pass
 * has more tokens than the largest of the ordinary ones.
 */
final class SharedPasses {

  private final List<TokenExample> examples;
  private final int[] lengths;
  private final int most;
  private final List<List<Integer>> passes = new ArrayList<>();
  private final List<Integer> tokens = new ArrayList<>();

  private SharedPasses(List<List<TokenExample>> ordinary) {
    this.examples = ordinary.stream().flatMap(List::stream).toList();
    this.lengths = examples.stream().mapToInt(SharedPasses::length).toArray();
    this.most =
        ordinary.stream()
            .mapToInt(pass -> pass.stream().mapToInt(SharedPasses::length).sum())
            .max()
            .orElse(0);
  }

  private static int length(TokenExample example) {
    return example.tokens().length;
  }

  /** The passes instead of the ordinary ones, which they are if nothing can be shared. */
  static List<TokenBatch> of(List<List<TokenExample>> ordinary) {
    SharedPasses cutter = new SharedPasses(ordinary);
    List<SharedPrefixes.Group> groups = SharedPrefixes.of(BatchReader.batch(cutter.examples));
    return groups.size() == cutter.examples.size()
        ? ordinary.stream().map(BatchReader::batch).toList()
        : cutter.cut(groups);
  }

  private List<TokenBatch> cut(List<SharedPrefixes.Group> groups) {
    for (SharedPrefixes.Group group : groups) {
      List<Integer> part = new ArrayList<>();
      int size = group.prefix();
      for (int row : group.rows()) {
        int own = lengths[row] - group.prefix();
        if (!part.isEmpty() && size + own > most) {
          put(part, size);
          part = new ArrayList<>();
          size = group.prefix();
        }
        part.add(row);
        size += own;
      }
      put(part, size);
    }
    return passes.stream().map(this::batch).toList();
  }

  private void put(List<Integer> part, int size) {
    int pass = 0;
    while (pass < passes.size() && tokens.get(pass) + size > most) {
      pass++;
    }
    if (pass == passes.size()) {
      passes.add(new ArrayList<>());
      tokens.add(0);
    }
    passes.get(pass).addAll(part);
    tokens.set(pass, tokens.get(pass) + size);
  }

  private TokenBatch batch(List<Integer> rows) {
    return BatchReader.batch(rows.stream().sorted().map(examples::get).toList()).shared();
  }
}
