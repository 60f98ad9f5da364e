package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.TaskType;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What PEFT 0.21 prints for the published shapes; from config.json, without any weight. */
final class BloomParameterCountTest {

  private final Path temp;

  BloomParameterCountTest(@TempDir Path temp) {
    this.temp = temp;
  }

  @ParameterizedTest
  @CsvSource({
    "bloom-560m, 1024, 24, 16, '786,432', '560,001,024', 0.1404",
    "bloom-1b1, 1536, 24, 16, '1,179,648', '1,066,493,952', 0.1106",
    "bloom-1b7, 2048, 24, 16, '1,572,864', '1,723,981,824', 0.0912",
    "bloom-3b, 2560, 30, 32, '2,457,600', '3,005,015,040', 0.0818",
    "bloom-7b1, 4096, 30, 32, '3,932,160', '7,072,948,224', 0.0556"
  })
  void sentencesEqualPeft(
      String name, int width, int layers, int heads, String trainable, String all, String percent)
      throws IOException {
    LoraPlan plan = LoraPlan.of(CausalLm.modules(config(name, width, layers, heads)), rank8());

    assertThat(plan.parameterCount())
        .hasToString(
            "trainable params: %s || all params: %s || trainable%%: %s"
                .formatted(trainable, all, percent));
  }

  @ParameterizedTest
  @CsvSource({"bloom-1b7, 2048, 24, 16, 6298512", "bloom-3b, 2560, 30, 32, 9839224"})
  void fileSizesEqualPeft(String name, int width, int layers, int heads, long bytes)
      throws IOException {
    LoraPlan plan = LoraPlan.of(CausalLm.modules(config(name, width, layers, heads)), rank8());

    assertThat(plan.fileBytes()).isEqualTo(bytes);
  }

  @Test
  void treeOfAConfigurationAloneIsThatOfTheLoadedModel() throws IOException {
    TinyCheckpoint checkpoint = new TinyCheckpoint(temp.resolve("tiny"));

    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      assertThat(CausalLm.modules(checkpoint.directory)).isEqualTo(base.modules());
      assertThat(CausalLm.modules(checkpoint.file("config.json"))).isEqualTo(base.modules());
    }
  }

  @Test
  void repeatedLayersArePrintedOnce() throws IOException {
    ModuleTree tree = CausalLm.modules(config("bloom-3b", 2560, 30, 32));

    assertThat(tree.toString())
        .contains("(0-29): 30 x BloomBlock(")
        .contains("(word_embeddings): Embedding(250880, 2560)")
        .contains("(query_key_value): Linear(in_features=2560, out_features=7680, bias=True)")
        .contains("(ln_f): LayerNorm((2560,), eps=1e-05, elementwise_affine=True, bias=True)");
    assertThat(tree.baseName()).isEqualTo("bloom-3b");
  }

  private Path config(String name, int width, int layers, int heads) throws IOException {
    Path directory = Files.createDirectories(temp.resolve(name));
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "bloom", "vocab_size": 250880, "n_embed": %d, "n_layer": %d,
         "num_attention_heads": %d, "layer_norm_epsilon": 1e-05}
        """
            .formatted(width, layers, heads));
    return directory;
  }

  private static LoraConfig rank8() {
    return LoraConfig.builder()
        .rank(8)
        .alpha(16)
        .targetModules("query_key_value")
        .taskType(TaskType.CAUSAL_LM)
        .build();
  }
}
