package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class GenerationOptionsTest {

  @Test
  void defaultsAreGreedyWithTwentyTokens() {
    GenerationOptions options = GenerationOptions.builder().build();

    assertThat(options.greedy()).isTrue();
    assertThat(options.maxNewTokens()).isEqualTo(20);
    assertThat(options.topK()).isZero();
    assertThat(options.topP()).isEqualTo(1);
    assertThat(options.repetitionPenalty()).isEqualTo(1);
    assertThat(options.seed()).isEqualTo(42);
    assertThat(options.stopTokens()).isEmpty();
    assertThat(options.stopStrings()).isEmpty();
    assertThat(options.batchSize()).isEqualTo(16);
  }

  @Test
  void allProblemsStandInOneMessage() {
    GenerationOptions.Builder builder =
        GenerationOptions.builder()
            .maxNewTokens(0)
            .temperature(-1)
            .topK(-2)
            .topP(0)
            .repetitionPenalty(Double.NaN)
            .stopTokens(7, -3)
            .stopStrings("end", "")
            .batchSize(-4);

    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "max new tokens must be positive, got 0; "
                + "temperature must be 0 (greedy) or positive, got -1.0; "
                + "top-k must be 0 (off) or positive, got -2; "
                + "top-p must be in (0, 1], got 0.0; "
                + "repetition penalty must be positive, got NaN; "
                + "stop tokens count from 0, got -3; "
                + "stop strings must not be empty, got [end, ]; "
                + "batch size must be positive, got -4");
  }

  @Test
  void valuesThatAreNoNumbersAreRefused() {
    GenerationOptions.Builder builder =
        GenerationOptions.builder()
            .temperature(Double.NaN)
            .topP(Double.NaN)
            .repetitionPenalty(Double.POSITIVE_INFINITY);

    assertThatThrownBy(builder::build)
        .hasMessageContaining("temperature")
        .hasMessageContaining("top-p")
        .hasMessageContaining("repetition penalty");
  }
}
