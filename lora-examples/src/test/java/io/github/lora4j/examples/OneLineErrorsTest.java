package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.LoraException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class OneLineErrorsTest {

  @Test
  void listedMismatchesAreJoinedToOneLine() {
    String line =
        OneLineErrors.line(
            new LoraException("does not fit (2 of 48):\n  a: missing\n  b: missing\n"));

    assertThat(line).isEqualTo("does not fit (2 of 48): a: missing; b: missing");
  }

  @Test
  void fileThatIsMissingIsSaidToBe() {
    assertThat(OneLineErrors.line(new NoSuchFileException("x.json")))
        .isEqualTo("there is no file x.json");
    assertThat(OneLineErrors.line(new NoSuchFileException("x", null, "wanted a model")))
        .isEqualTo("x: wanted a model");
  }

  @Test
  void failureThatNobodyForesawNamesItsTypeAndTheWayToItsTrace() {
    assertThat(OneLineErrors.line(new IllegalStateException("closed")))
        .isEqualTo("IllegalStateException: closed (-Dlora4j.trace=true shows where)");
  }
}
