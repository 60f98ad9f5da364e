package io.github.lora4j;

import io.github.lora4j.spi.LoraBackend;
import java.util.List;

/** New views whose adapters are computed from those of others. */
final class Combining {

  private Combining() {}

  static <M> PeftModel<M> sum(List<PeftModel<M>> views, double[] weights) {
    check(views, weights);
    M base = views.get(0).base();
    LoraBackend backend = Backends.of(base);
    List<AdapterValues> adapters = views.stream().map(v -> values(v, "combining")).toList();
    AdapterSum sum = new AdapterSum(adapters, weights.clone());
    return sibling(base, sum.values(name -> backend.parameter(base, name)));
  }

  private static <M> void check(List<PeftModel<M>> views, double[] weights) {
    if (views.isEmpty() || views.size() != weights.length) {
      throw new IllegalArgumentException(
          "a weighted sum needs a view at least and a weight for each, got %d views and %d weights"
              .formatted(views.size(), weights.length));
    }
    for (int i = 0; i < weights.length; i++) {
      if (!Double.isFinite(weights[i])) {
        throw new IllegalArgumentException(
            "weight %d must be finite, got %s".formatted(i, weights[i]));
      }
      if (views.get(i).base() != views.get(0).base()) {
        throw new IllegalArgumentException(
            "view %d is of another base than view 0; load the adapter on the same base"
                .formatted(i));
      }
    }
  }

  static <M> ReducedAdapter<M> reduced(PeftModel<M> view, int rank) {
    if (rank <= 0) {
      throw new IllegalArgumentException("rank must be positive, got " + rank);
    }
    AdapterReduction reduction = new AdapterReduction(values(view, "reducing"), rank);
    PeftModel<M> reduced = sibling(view.base(), reduction.values());
    return new ReducedAdapter<>(reduced, reduction.error(), reduction.errors());
  }

  private static AdapterValues values(PeftModel<?> view, String doing) {
    return view.withState((plan, tensors) -> AdapterValues.ofPairs(plan, tensors, doing));
  }

  private static <M> PeftModel<M> sibling(M base, AdapterValues adapter) {
    return PeftModel.view(base, AdapterState.split(adapter.plan(), adapter.tensors()), false);
  }
}
