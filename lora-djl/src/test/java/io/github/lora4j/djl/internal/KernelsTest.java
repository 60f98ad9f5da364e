package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class KernelsTest {

  @Test
  void kernelsOfAnotherSourceAreTheFirstThatAThreadCalls()
      throws IOException, InterruptedException, ExecutionException {
    Kernels own =
        Kernels.compile(
            """
            def is_even(self: __torch__.K, x: int) -> bool:
              return x % 2 == 0
            """);

    assertThat(FreshThread.call(() -> own.test("is_even", 4) && !own.test("is_even", 5))).isTrue();
  }
}
