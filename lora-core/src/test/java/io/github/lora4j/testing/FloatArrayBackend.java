package io.github.lora4j.testing;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.MatrixFactors;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** Puts adapters beside {@link FloatMlp}; found by the service loader in tests. */
public final class FloatArrayBackend implements LoraBackend {

  @Override
  public boolean supports(Object model) {
    return model instanceof FloatMlp;
  }

  @Override
  public ModuleTree modules(Object model) {
    return ((FloatMlp) model).tree();
  }

  @Override
  public TensorData parameter(Object model, String name) {
    return new FloatOps().of(Objects.requireNonNull(((FloatMlp) model).weights().get(name), name));
  }

  @Override
  public MatrixFactors factors(Object model, String path, MatrixFactors.Kind kind, int rank) {
    TensorData weight = parameter(model, path + ".weight");
    return kind == MatrixFactors.Kind.SINGULAR
        ? FloatFactors.singular(weight, rank)
        : FloatFactors.triangular(weight, rank);
  }

  @Override
  public boolean takesValuesAtOnce() {
    return true;
  }

  @Override
  public <M> LoraView<M> attach(M base, AdapterLayout layout, boolean trainable) {
    if (!((FloatMlp) base).isBare()) {
      throw new IllegalArgumentException("an adapter stands beside a bare base");
    }
    FloatMlp model = ((FloatMlp) base).with(layout);
    @SuppressWarnings("unchecked") // M is FloatMlp: supports() said so
    M typed = (M) model;
    return new View<>(typed, model);
  }

  private static final class View<M> implements LoraView<M> {
    private final M typed;
    private final FloatMlp model;
    private volatile boolean closed;

    View(M typed, FloatMlp model) {
      this.typed = typed;
      this.model = model;
    }

    @Override
    public M model() {
      return typed;
    }

    @Override
    public Map<String, TensorData> tensors() {
      Map<String, TensorData> copies = new LinkedHashMap<>();
      model.adapter().forEach((name, tensor) -> copies.put(name, new FloatOps().of(tensor)));
      return copies;
    }

    @Override
    public M merge() {
      @SuppressWarnings("unchecked") // as above
      M merged = (M) model.merged();
      return merged;
    }

    @Override
    public void replace(AdapterLayout layout) {
      if (closed) {
        throw new IllegalStateException("the adapter is closed; load it again");
      }
      model.become(layout);
    }

    @Override
    public long nativeBytes() {
      long elements = model.adapter().values().stream().mapToLong(t -> t.values().length).sum();
      return closed ? 0 : Float.BYTES * elements;
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
