package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ServeManyAdaptersTest {

  private static final String NUMBERS = "\\s+[\\d.]+\\s+[\\d.]+\\s+[\\d.]+\\s+[\\d.]+";

  private static Path golden(String name) {
    return TinyFiles.checkpoint().resolveSibling("adapters").resolve(name);
  }

  @Test
  void everyClientGetsTheSameTextsWithAndWithoutTheScheduler() {
    Ran ran =
        Ran.example(
            ServeManyAdapters::new,
            "--model=" + TinyFiles.checkpoint(),
            "--clients=3",
            "--requests=12",
            "--max-new-tokens=8",
            golden("attention").toString(),
            golden("every-linear").toString());

    assertThat(ran.err()).isEmpty();
    assertThat(ran.exitCode()).isZero();
    List<String> lines = ran.out().lines().toList();
    assertThat(lines).anyMatch(line -> line.matches("adapters +2, [\\d,]+ bytes"));
    assertThat(lines).anyMatch(line -> line.matches("a thread for each client" + NUMBERS));
    assertThat(lines).anyMatch(line -> line.matches("a scheduler for all" + NUMBERS));
    assertThat(lines).contains("texts that are the same    12 of 12");
  }

  @Test
  void randomAdaptersAreMadeWhereNoneAreGiven() {
    Ran ran =
        Ran.example(
            ServeManyAdapters::new,
            "--model=" + TinyFiles.checkpoint(),
            "--random=5",
            "--rank=2",
            "--clients=2",
            "--requests=4",
            "--max-new-tokens=3");

    assertThat(ran.err()).isEmpty();
    // 2 layers of A (2, 32) and B (96, 2), fp32
    assertThat(ran.out()).contains("adapters                   5, 10,240 bytes");
  }

  @Test
  void fewerQuestionsThanClientsAreRefused() {
    Ran ran = Ran.example(ServeManyAdapters::new, "--clients=4", "--requests=3");

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err()).contains("a question for each client at least, got 32, 4 and 3");
  }
}
