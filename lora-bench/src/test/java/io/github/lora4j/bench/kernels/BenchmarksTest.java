package io.github.lora4j.bench.kernels;

import static org.assertj.core.api.Assertions.assertThatCode;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BenchmarksTest {

  @ParameterizedTest
  @ValueSource(strings = {"fp32", "bf16"})
  void everyLayerRunsOnTinySizes(String precision) throws Exception {
    for (LayerBenchmark benchmark :
        List.of(
            new ProjectionBenchmark(),
            new MlpBenchmark(),
            new AttentionBenchmark(),
            new NormBenchmark(),
            new HeadLossBenchmark())) {
      benchmark.shape = "tiny";
      benchmark.precision = precision;
      benchmark.setUp();
      assertThatCode(
              () -> {
                benchmark.forward();
                benchmark.forwardAndBackward();
                benchmark.bareForward();
                benchmark.bareForwardAndBackward();
              })
          .as(benchmark.getClass().getSimpleName())
          .doesNotThrowAnyException();
      benchmark.tearDown();
    }
  }

  @Test
  void optimiserRuns() throws Exception {
    AdamWBenchmark benchmark = new AdamWBenchmark();
    benchmark.elements = 64;
    benchmark.setUp();

    assertThatCode(
            () -> {
              benchmark.update();
              benchmark.bareCopy();
            })
        .doesNotThrowAnyException();
    benchmark.tearDown();
  }
}
