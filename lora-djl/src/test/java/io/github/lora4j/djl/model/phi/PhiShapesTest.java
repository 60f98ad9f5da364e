package io.github.lora4j.djl.model.phi;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterInspection;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.SharedFiles;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The published models, by what their configurations say. */
final class PhiShapesTest {

  @TempDir Path directory;

  private ModuleTree tree(int hidden, int layers) throws IOException {
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "phi", "vocab_size": 51200, "hidden_size": %d, "intermediate_size": %d,
         "num_hidden_layers": %d, "num_attention_heads": 32, "num_key_value_heads": null,
         "hidden_act": "gelu_new", "max_position_embeddings": 2048, "partial_rotary_factor": %s,
         "rope_theta": 10000.0, "rope_scaling": null, "qk_layernorm": false,
         "tie_word_embeddings": false, "layer_norm_eps": 1e-05}
        """
            .formatted(hidden, 4 * hidden, layers, hidden == 2048 ? "0.5" : "0.4"));
    return CausalLm.modules(directory);
  }

  /** Phi-1 has the shape of Phi-1.5. Counted by transformers. */
  @ParameterizedTest
  @CsvSource({"2048, 24, 1418270720", "2560, 32, 2779683840"})
  void publishedSizes(int hidden, int layers, long parameters) throws IOException {
    assertThat(tree(hidden, layers).parameterCount()).isEqualTo(parameters);
  }

  @Test
  void targetsWithoutAnyAreThoseOfPeft() throws IOException {
    LoraPlan plan = LoraPlan.of(tree(2048, 24), LoraConfig.builder().rank(4).build());

    // q and v, and both maps of the feed-forward layer
    assertThat(plan.parameterCount().trainable())
        .isEqualTo(24L * 4 * (2 * (2048 + 2048) + 2 * (2048 + 8192)));
  }

  @Test
  void anAdapterFromTheWildFits() throws IOException {
    Path adapter = SharedFiles.require("data/adapters/phi-1.5-r4");

    AdapterInspection found = AdapterInspection.of(AdapterFiles.in(adapter), tree(2048, 24));

    assertThat(found.tensors()).isEqualTo(24 * 2 * 2);
  }
}
