package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SwapAdaptersTest {

  private final Path directory;

  SwapAdaptersTest(@TempDir Path directory) {
    this.directory = directory;
  }

  /** The golden adapters were trained to differ from their base and from each other. */
  private static Path golden(String name) {
    return TinyFiles.checkpoint().resolveSibling("adapters").resolve(name);
  }

  @Test
  void batchGivesEveryAdapterTheAnswerThatItGivesAlone() {
    Ran ran =
        Ran.example(
            SwapAdapters::new,
            "--model=" + TinyFiles.checkpoint(),
            "--mail-adapter=" + golden("every-linear"),
            golden("attention").toString());

    assertThat(ran.err()).isEmpty();
    List<String> lines = ran.out().lines().toList();
    List<String> questions = answersOf("the question adapter", lines);
    List<String> mails = answersOf("the mail adapter", lines);
    assertThat(questions).hasSize(2);
    assertThat(questions.get(0)).isEqualTo(questions.get(1));
    assertThat(mails).hasSize(2);
    assertThat(mails.get(0)).isEqualTo(mails.get(1)).isNotEqualTo(questions.get(0));
    assertThat(answersOf("the base", lines)).hasSize(1).doesNotContainAnyElementsOf(questions);
  }

  @Test
  void adapterOfAnotherBaseIsRefused() throws IOException {
    Path other = TinyFiles.checkpoint().resolve("../../six-heads/checkpoint").normalize();
    try (CausalLm base = CausalLm.load(other.toString());
        PeftModel<CausalLm> view = PeftModel.wrap(base, LoraConfig.builder().build())) {
      view.save(directory.resolve("other"));
    }

    Ran ran =
        Ran.example(
            SwapAdapters::new,
            "--model=" + TinyFiles.checkpoint(),
            directory.resolve("other").toString());

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines()).singleElement().asString().contains("does not fit");
  }

  private static List<String> answersOf(String who, List<String> lines) {
    return IntStream.range(0, lines.size() - 1)
        .filter(i -> lines.get(i).strip().equals(who + ":"))
        .mapToObj(i -> lines.get(i + 1))
        .toList();
  }
}
