package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WorkersTest {

  private int threads;

  @BeforeEach
  void twoThreads() {
    Kernels.get(); // starts libtorch
    threads = JniUtils.getNumThreads();
    JniUtils.setNumThreads(2);
  }

  @AfterEach
  void asBefore() {
    JniUtils.setNumThreads(threads);
  }

  private static List<Supplier<Integer>> numbers(AtomicInteger done) {
    return IntStream.range(0, 100)
        .<Supplier<Integer>>mapToObj(
            i ->
                () -> {
                  done.incrementAndGet();
                  return i;
                })
        .toList();
  }

  @Test
  void resultsComeInTheOrderOfThePieces() {
    assertThat(Workers.run(numbers(new AtomicInteger())))
        .isEqualTo(IntStream.range(0, 100).boxed().toList());
  }

  @Test
  void failureIsThrownWhenAllOthersAreDone() {
    AtomicInteger done = new AtomicInteger();
    List<Supplier<Integer>> pieces = new ArrayList<>(numbers(done));
    pieces.add(
        0,
        () -> {
          throw new IllegalArgumentException("the first");
        });

    assertThatThrownBy(() -> Workers.run(pieces))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the first");
    assertThat(done).hasValue(100);
  }

  @Test
  void interruptionIsKeptAndLosesNothing() {
    AtomicInteger done = new AtomicInteger();
    Thread.currentThread().interrupt();

    List<Integer> results = Workers.run(numbers(done));

    assertThat(Thread.interrupted()).isTrue();
    assertThat(results).hasSize(100);
    assertThat(done).hasValue(100);
  }
}
