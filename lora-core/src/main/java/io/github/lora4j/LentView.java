package io.github.lora4j;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.TensorData;
import java.util.Map;

/** A view in the hands of somebody who does not own it. */
record LentView<M>(LoraView<M> owned) implements LoraView<M> {

  @Override
  public M model() {
    return owned.model();
  }

  @Override
  public Map<String, TensorData> tensors() {
    return owned.tensors();
  }

  @Override
  public void replace(AdapterLayout layout) {
    throw new IllegalStateException(
        "a view of a pool is not replaced; change the source and invalidate its id");
  }

  @Override
  public M merge() {
    return owned.merge();
  }

  @Override
  public long nativeBytes() {
    return owned.nativeBytes();
  }

  /** Whoever lent the view closes it. */
  @Override
  public void close() {}
}
