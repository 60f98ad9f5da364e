package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The walkthrough without options but for its length: on the files that the examples carry. */
class EmbeddedModelTest {

  private final Path output;

  EmbeddedModelTest(@TempDir Path directory) {
    this.output = directory.resolve("output");
  }

  @Test
  void walkthroughRunsOnEmbeddedFiles() {
    Ran ran =
        Ran.example(FineTuneBloomOnSquad::new, "--steps=2", "--evaluate=20", "--output=" + output);

    assertThat(ran.err()).isEmpty();
    assertThat(ran.exitCode()).isZero();
    assertThat(ran.out())
        .containsPattern("On passages .*\\REM 0\\.0 .*on 20 questions")
        .contains("the mail adapter:");
  }

  @Test
  void mailAdapterCanBeTrainedAgain() {
    Ran ran = Ran.example(TrainMailAdapter::new, "--steps=2", "--output=" + output);

    assertThat(ran.err()).isEmpty();
    assertThat(Files.exists(output.resolve("adapter/adapter_model.safetensors"))).isTrue();
  }
}
