package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CountParametersTest {

  /** The shape of bloom-3b; no other file of it is here. */
  private static final String BLOOM_3B =
      """
      {"model_type": "bloom", "vocab_size": 250880, "hidden_size": 2560, "n_layer": 30,
       "n_head": 32}
      """;

  private final Path config;

  CountParametersTest(@TempDir Path directory) {
    this.config = directory.resolve("config.json");
  }

  @Test
  void bloom3bIsCountedAsPeftCountsIt() throws IOException {
    Files.writeString(config, BLOOM_3B);

    Ran ran = Ran.example(CountParameters::new, config.toString());

    assertThat(ran.err()).isEmpty();
    assertThat(ran.out())
        .contains("trainable params: 2,457,600 || all params: 3,005,015,040 || trainable%: 0.0818");
  }

  @Test
  void allLinearMapsCanBeMeant() throws IOException {
    Files.writeString(config, BLOOM_3B);

    Ran ran = Ran.example(CountParameters::new, "--targets=all-linear", config.toString());

    assertThat(ran.out()).contains("query_key_value", "dense_h_to_4h").doesNotContain("lm_head");
  }

  @Test
  void targetsAreThoseOfTheFamilyUnlessNamed() throws IOException {
    Files.writeString(config, "{\"model_type\": \"llama\"}"); // Llama 2 7B

    Ran ran = Ran.example(CountParameters::new, config.toString());

    assertThat(ran.out())
        .contains("q_proj", "v_proj")
        .doesNotContain("k_proj")
        .contains("trainable params: 4,194,304 || all params: 6,742,609,920 || trainable%: 0.0622");
  }

  @Test
  void missingConfigIsNamed() {
    Ran ran = Ran.example(CountParameters::new, config.toString());

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines()).singleElement().asString().contains("config.json");
  }
}
