package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import org.jspecify.annotations.Nullable;

/**
 * How a block makes queries, keys and values: by three linear maps, or by one whose rows hold all.
 */
public sealed interface QueryKeyValue {

  /**
   * Computes all three.
   *
   * @param x (N, D)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return q (N, H·G·d), k and v (N, H·d)
   */
  NDArray[] forward(NDArray x, Pass pass, Tape tape);

  /**
   * Turns their gradients into that of x.
   *
   * @param d gradients of q, k and v; freed
   * @param pass the pass of forward
   * @param tape what forward kept
   * @param wantInput whether anything before this layer needs a gradient
   * @return (N, D), or null if it is not wanted
   */
  @Nullable NDArray backward(NDArray[] d, Pass pass, Tape tape, boolean wantInput);

  /**
   * Three maps.
   *
   * @param q (H·G·d, D)
   * @param k (H·d, D)
   * @param v (H·d, D)
   */
  record Separate(Projection q, Projection k, Projection v) implements QueryKeyValue {

    @Override
    public NDArray[] forward(NDArray x, Pass pass, Tape tape) {
      return new NDArray[] {
        q.forward(x, pass, tape), k.forward(x, pass, tape), v.forward(x, pass, tape)
      };
    }

    @Override
    public @Nullable NDArray backward(NDArray[] d, Pass pass, Tape tape, boolean wantInput) {
      NDArray dx = v.backward(d[2], pass, tape, wantInput); // (N, D)
      d[2].close();
      add(dx, k.backward(d[1], pass, tape, wantInput));
      d[1].close();
      add(dx, q.backward(d[0], pass, tape, wantInput));
      d[0].close();
      return dx;
    }

    private static void add(@Nullable NDArray dx, @Nullable NDArray more) {
      if (dx != null && more != null) {
        Kernels.get().run("add_in_place", dx, more);
        more.close();
      }
    }
  }

  /**
   * One map whose rows hold the query heads of a group, its key head and its value head, group
   * after group: BLOOM, GPT-NeoX and Falcon.
   *
   * @param map (H·(G + 2)·d, D)
   * @param heads H
   * @param groups G
   */
  record ByGroup(Projection map, int heads, int groups) implements QueryKeyValue {

    @Override
    public NDArray[] forward(NDArray x, Pass pass, Tape tape) {
      try (NDArray y = map.forward(x, pass, tape)) {
        return pass.many("split_groups", y, heads, groups);
      }
    }

    @Override
    public @Nullable NDArray backward(NDArray[] d, Pass pass, Tape tape, boolean wantInput) {
      try (NDArray dy = pass.one("join_groups", d[0], d[1], d[2], heads, groups)) {
        QueryKeyValue.free(d);
        return map.backward(dy, pass, tape, wantInput);
      }
    }
  }

  /**
   * One map whose rows hold all queries, then all keys, then all values: GPT-2 and Phi-3.
   *
   * @param map ((H·G + 2·H)·d, D)
   * @param queries H·G·d
   * @param keys H·d
   */
  record ByKind(Projection map, int queries, int keys) implements QueryKeyValue {

    @Override
    public NDArray[] forward(NDArray x, Pass pass, Tape tape) {
      try (NDArray y = map.forward(x, pass, tape)) {
        return pass.many("split_blocks", y, new int[] {queries, keys, keys});
      }
    }

    @Override
    public @Nullable NDArray backward(NDArray[] d, Pass pass, Tape tape, boolean wantInput) {
      try (NDArray dy = pass.one("join_blocks", (Object) d)) {
        QueryKeyValue.free(d);
        return map.backward(dy, pass, tape, wantInput);
      }
    }
  }

  private static void free(NDArray[] arrays) {
    for (NDArray array : arrays) {
      array.close();
    }
  }
}
