package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class ProgressBarTest {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private final AtomicLong clock = new AtomicLong();

  private static TrainingStep step(int step) {
    return new TrainingStep(step, 0.5, 1.25, 0.8, 5e-4, 1234, 1);
  }

  private String drawn() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void oneLineIsRewrittenAndEndedOnce() {
    ProgressBar bar = new ProgressBar(out, clock::get, 0, 100);
    clock.set(TimeUnit.SECONDS.toNanos(45));
    bar.onStep(step(45));
    bar.end();

    String[] lines = drawn().split("\r", -1);
    assertThat(lines[0]).isEmpty();
    assertThat(lines[1]).startsWith("  0% [                ] 0/100").hasSize(79);
    assertThat(lines[2])
        .startsWith(
            " 45% [=======         ] 45/100  eta 0:55  loss 1.2500  lr 5.0e-04  1234 tok/s ")
        .endsWith(System.lineSeparator());
    assertThat(drawn().split(System.lineSeparator(), -1)).hasSize(2);
  }

  @Test
  void resumedRunEstimatesFromItsOwnSteps() {
    ProgressBar bar = new ProgressBar(out, clock::get, 50, 100);
    clock.set(TimeUnit.SECONDS.toNanos(10));
    bar.onStep(step(60));

    assertThat(drawn()).contains("\r 50% [========        ] 50/100").contains("eta 0:40");
  }

  @Test
  void runWithNothingLeftShowsAFullBar() {
    new ProgressBar(out, clock::get, 7, 7).end();

    assertThat(drawn()).startsWith("\r100% [================] 7/7");
  }

  @Test
  void hoursAreShownOnlyWhereThereAreSome() {
    assertThat(ProgressBar.duration(5)).isEqualTo("0:05");
    assertThat(ProgressBar.duration(3599)).isEqualTo("59:59");
    assertThat(ProgressBar.duration(3_661)).isEqualTo("1:01:01");
  }

  /** Tests run without a terminal, in a build as in a pipe. */
  @Test
  void pipeIsNoTerminal() {
    assertThat(ProgressBar.terminal()).isFalse();
  }
}
