package io.github.lora4j.djl;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.layer.AdapterSlot;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.MatrixFactors;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Puts adapters beside {@link CausalLm}. Found by {@link java.util.ServiceLoader}; not for direct
 * use.
 *
 * @since 0.1.0
 */
public final class DjlBackend implements LoraBackend {

  /** For the service loader. */
  public DjlBackend() {}

  @Override
  public boolean supports(Object model) {
    return model instanceof CausalLm;
  }

  @Override
  public ModuleTree modules(Object model) {
    return ((CausalLm) model).modules();
  }

  @Override
  public TensorData parameter(Object model, String name) {
    return ((CausalLm) model).decoder().parameter(name);
  }

  @Override
  public TensorData rowNorms(Object model, AdapterLayout.Pair pair, TensorData a, TensorData b) {
    return BaseMatrices.of((CausalLm) model).rowNorms(pair, a, b);
  }

  @Override
  public MatrixFactors factors(Object model, String path, MatrixFactors.Kind kind, int rank) {
    return BaseMatrices.of((CausalLm) model).factors(path, kind, rank);
  }

  @Override
  public boolean holds(Object model, String name, int firstRow, TensorData rows) {
    return ((CausalLm) model).decoder().holds(name, firstRow, rows);
  }

  @Override
  public boolean takesValuesAtOnce() {
    return true;
  }

  @Override
  public <M> LoraView<M> attach(M base, AdapterLayout layout, boolean trainable) {
    CausalLm model = (CausalLm) base;
    if (model.adapter().isPresent()) {
      throw new IllegalArgumentException(
          "an adapter stands beside a bare base, got the model of another adapter; wrap the base");
    }
    AdapterSlot slot = new AdapterSlot(weights(model, layout, trainable));
    CausalLm view = model.beside(slot);
    @SuppressWarnings("unchecked") // M is CausalLm: supports() said so
    M typed = (M) view;
    return new View<>(typed, model, slot);
  }

  private static AdapterWeights weights(CausalLm base, AdapterLayout layout, boolean trainable) {
    checkKinds(base, layout);
    return new AdapterWeights(layout, base.decoder().manager().getDevice(), trainable);
  }

  /** Of embeddings, only that of words has a place for a pair. */
  private static void checkKinds(CausalLm model, AdapterLayout layout) {
    Set<String> paths = new HashSet<>();
    layout.pairs().forEach(pair -> paths.add(pair.path()));
    List<String> wrong = new ArrayList<>();
    for (TargetModule module : model.modules().modules()) {
      if (paths.contains(module.path()) && !takesPair(module, model)) {
        wrong.add(module.path() + " (" + module.kind() + ")");
      }
    }
    if (!wrong.isEmpty()) {
      throw new LoraException(
          "a low-rank pair can stand beside a linear map or the embedding of words, not beside "
              + wrong);
    }
  }

  private static boolean takesPair(TargetModule module, CausalLm model) {
    return switch (module.kind()) {
      case LINEAR, OUTPUT_HEAD -> true;
      case EMBEDDING -> module.inFeatures() == model.decoder().vocabulary();
      case OTHER -> false;
    };
  }

  private record View<M>(M model, CausalLm base, AdapterSlot slot) implements LoraView<M> {
    @Override
    public Map<String, TensorData> tensors() {
      AdapterWeights held = slot.acquire();
      try {
        return held.read();
      } finally {
        held.release();
      }
    }

    @Override
    public void replace(AdapterLayout layout) {
      AdapterWeights next = weights(base, layout, false);
      try {
        slot.replace(next);
      } catch (IllegalStateException e) {
        next.close();
        throw e;
      }
    }

    @Override
    public M merge() {
      AdapterWeights held = slot.acquire();
      try {
        @SuppressWarnings("unchecked") // as above
        M merged = (M) base.merged(held);
        return merged;
      } finally {
        held.release();
      }
    }

    @Override
    public long nativeBytes() {
      return slot.nativeBytes();
    }

    @Override
    public void close() {
      slot.close();
    }
  }
}
