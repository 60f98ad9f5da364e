package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TuneDjlBlockTest {

  private static final Pattern LINE =
      Pattern.compile("(.+): +quadrants +(\\S+) %   diagonals +(\\S+) %");

  private static double[] percent(String out, String who) {
    Matcher lines = LINE.matcher(out);
    while (lines.find()) {
      if (lines.group(1).equals(who)) {
        return new double[] {
          Double.parseDouble(lines.group(2)), Double.parseDouble(lines.group(3))
        };
      }
    }
    throw new AssertionError("no line of '" + who + "' in " + out);
  }

  @Test
  void adapterLearnsTheSecondTaskAndTheBaseKeepsTheFirst(@TempDir Path directory) {
    Path saved = directory.resolve("diagonals");

    Ran ran = Ran.example(TuneDjlBlock::new, "--save=" + saved);

    assertThat(ran.err()).isEmpty();
    assertThat(ran.exitCode()).isZero();
    assertThat(ran.out()).contains("trainable params: 264 || all params: 1,482");
    double[] base = percent(ran.out(), "the base");
    assertThat(base[0]).isGreaterThan(95);
    assertThat(base[1]).isLessThan(65);
    assertThat(percent(ran.out(), "with the adapter")[1]).isGreaterThan(90);
    assertThat(percent(ran.out(), "the base again")).isEqualTo(base);
    assertThat(saved.resolve("adapter_model.safetensors")).isRegularFile();
  }

  @Test
  void rankThatIsTooLargeIsToldInOneLine() {
    Ran ran = Ran.example(TuneDjlBlock::new, "--rank=40", "--epochs=1");

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines())
        .singleElement()
        .asString()
        .contains("rank 40 of 0 exceeds the smaller side of 2 -> 32");
  }
}
