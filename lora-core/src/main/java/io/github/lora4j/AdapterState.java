package io.github.lora4j;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An adapter as a view holds it.
 *
 * @param plan what is adapted
 * @param values what is or was trained, in the order of files
 * @param frozen matrices that stand in the place of the base's and are not trained
 */
record AdapterState(LoraPlan plan, Map<String, TensorData> values, Map<String, TensorData> frozen) {

  private static final Logger log = LoggerFactory.getLogger(AdapterState.class);

  /** What an adapter starts from. */
  static AdapterState fresh(Object base, LoraConfig config, long seed) {
    LoraBackend backend = Backends.of(base);
    LoraPlan plan = LoraPlan.of(backend.modules(base), config);
    warnIfUntied(plan);
    return new AdapterState(plan, new InitialValues(plan, backend, base).fresh(seed), Map.of());
  }

  private static void warnIfUntied(LoraPlan plan) {
    List<String> untied = new Vocabulary(plan.tree()).untiedBy(plan);
    if (!untied.isEmpty()) {
      log.warn(
          "head and embedding of {} share one matrix; the adapter changes what {} computes and nothing else",
          plan.tree().modelClass(),
          untied);
    }
  }

  /**
   * An adapter's files, and what they leave to the base.
   *
   * @param use of the state, whose values may stand in a file that is open no longer
   */
  static <R> R read(Object base, AdapterFiles files, Function<AdapterState, R> use)
      throws IOException {
    return AdapterReader.read(base, files, false, loaded -> use.apply(of(loaded, base)));
  }

  /** What was read from files, and what they leave to the base. */
  static AdapterState of(AdapterReader.Loaded loaded, Object base) {
    InitialValues initial = new InitialValues(loaded.plan(), Backends.of(base), base);
    return of(loaded.plan(), initial.completed(loaded.values()), loaded.frozen());
  }

  /** Tensors as a view gives them, of which the plan says which are trained. */
  static AdapterState split(LoraPlan plan, Map<String, TensorData> tensors) {
    Map<String, TensorData> frozen = new LinkedHashMap<>(tensors);
    frozen.keySet().removeAll(plan.shapes().keySet());
    return of(plan, tensors, frozen);
  }

  /** In the order of files, so that a saved adapter does not depend on how it came in. */
  private static AdapterState of(
      LoraPlan plan, Map<String, TensorData> tensors, Map<String, TensorData> frozen) {
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (String name : plan.shapes().keySet()) {
      TensorData tensor = tensors.get(name);
      if (tensor != null) {
        values.put(name, tensor);
      }
    }
    return new AdapterState(plan, values, frozen);
  }

  AdapterLayout layout() {
    return new AdapterLayout(
        plan.pairs().stream().map(AdapterKeys::pair).toList(),
        values,
        frozen,
        plan.config().init().takesFromBase());
  }

  /** Numbers in all tensors. */
  long elements() {
    return plan.elements() + frozen.values().stream().mapToLong(TensorData::elements).sum();
  }
}
