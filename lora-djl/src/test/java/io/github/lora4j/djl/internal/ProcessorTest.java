package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ProcessorTest {

  @ParameterizedTest
  @CsvSource({"10, 9.2, false", "10, 9, true", "10, 20, false", "0, Infinity, false"})
  void oneDnnHasToWinByATenth(double mkl, double oneDnn, boolean wins) {
    assertThat(new Processor.Fp32Products(mkl, oneDnn).oneDnnWins()).isEqualTo(wins);
  }

  @Test
  void everyThreadMeetsTheSameMeasuredChoice() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      Callable<MatrixProducts.Library> ask =
          () -> MatrixProducts.measured().library().orElseThrow();
      List<Future<MatrixProducts.Library>> answers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        answers.add(threads.submit(ask));
      }
      Set<MatrixProducts.Library> chosen = new HashSet<>();
      for (Future<MatrixProducts.Library> answer : answers) {
        chosen.add(answer.get());
      }

      boolean oneDnn = Processor.fp32Products().oneDnnWins();
      assertThat(chosen)
          .containsExactly(oneDnn ? MatrixProducts.Library.ONEDNN : MatrixProducts.Library.MKL);
      assertThat(MatrixProducts.measured().oneDnn()).isEqualTo(oneDnn);
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void nothingIsChosenWhereThereIsNoChoice() {
    assertThat(MatrixProducts.only().library()).isEmpty();
    assertThat(MatrixProducts.only().oneDnn()).isFalse();
  }

  @Test
  void bf16IsTimed() {
    assertThat(Processor.bf16Speed()).isPositive().isFinite();
  }

  /** As on macOS, where libtorch knows no operator of oneDNN. */
  @Test
  void kernelsWithoutOneDnnMultiplyToo() throws IOException {
    Kernels kernels = Kernels.compile(KernelArchive.sources(false, true));
    try (NDManager manager = Engines.newManager(Device.cpu())) {
      NDArray x = manager.create(new float[] {1, 2}, new Shape(1, 2));
      NDArray weight = manager.create(new float[] {3, 4}, new Shape(1, 2));

      assertThat(kernels.test("onednn_present")).isFalse();
      assertThat(kernels.one(manager, "product", x, weight, true).toFloatArray())
          .containsExactly(11);
    }
  }

  @Test
  void rivalsTakeTurnsAndTheFirstTurnDoesNotCount() {
    List<Integer> order = new ArrayList<>();

    long[] best = Race.best(2, () -> order.add(0), () -> order.add(1));

    assertThat(order).containsExactly(0, 1, 0, 1, 0, 1);
    assertThat(best).hasSize(2);
    assertThat(best[0]).isPositive().isLessThan(Long.MAX_VALUE);
  }
}
