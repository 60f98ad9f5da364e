package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters of some layers only. */
class LayerIndexingTest {

  private final FloatMlp base = FloatMlp.random(3, 6, 10, 4, 2);

  /** PEFT: _test_training_layer_indexing. Reloaded equal within 1e-4 there, bit for bit here. */
  @Test
  void adapterOfOneLayerHasHalfTheTensorsAndComesBack(@TempDir Path temp) throws IOException {
    TensorData x = TensorData.matrix(1, 6, new float[] {0.3f, -1, 2, 0.5f, 0, 1});
    LoraConfig.Builder config =
        LoraConfig.builder().rank(2).init(LoraInit.RANDOM).targetModules("up", "down");
    try (PeftModel<FloatMlp> all = PeftModel.wrap(base, config.build());
        PeftModel<FloatMlp> one =
            PeftModel.wrap(base, config.layersToTransform(0).layersPattern("layers").build())) {
      assertThat(all.tensors()).hasSize(8);
      assertThat(one.tensors())
          .hasSize(4)
          .allSatisfy((name, tensor) -> assertThat(name).startsWith("layers.0."));
      assertThat(one.model().forward(x)).isNotEqualTo(base.forward(x));

      one.save(temp.resolve("one"));
      try (PeftModel<FloatMlp> loaded = PeftModel.fromPretrained(base, temp.resolve("one"))) {
        assertThat(loaded.model().forward(x)).isEqualTo(one.model().forward(x));
        assertThat(loaded.config().layersToTransform()).containsExactly(0);
      }
    }
  }
}
