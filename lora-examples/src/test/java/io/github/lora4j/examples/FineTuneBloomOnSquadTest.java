package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FineTuneBloomOnSquadTest {

  private final Path directory;
  private final Path output;

  FineTuneBloomOnSquadTest(@TempDir Path directory) {
    this.directory = directory;
    this.output = directory.resolve("output");
  }

  @BeforeEach
  void writeInputs() throws IOException {
    TinyFiles.squad(directory, 12);
  }

  /** Runs two steps of the walkthrough, the mail adapter included, with further options. */
  private Ran walk(String... more) throws IOException {
    Path mail = directory.resolve("mail");
    if (!Files.exists(mail)) {
      Ran trained =
          Ran.example(
              TrainMailAdapter::new,
              "--model=" + TinyFiles.checkpoint(),
              "--data=" + TinyFiles.mails(directory),
              "--output=" + mail,
              "--batch-size=2",
              "--steps=2");
      assertThat(trained.err()).isEmpty();
      assertThat(trained.exitCode()).isZero();
    }
    List<String> args =
        new ArrayList<>(
            List.of(
                "--model=" + TinyFiles.checkpoint(),
                "--data=" + directory.resolve("tiny-v2.0.json"),
                "--mail-adapter=" + mail.resolve("adapter"),
                "--output=" + output,
                "--batch-size=2",
                "--accumulation=2",
                "--steps=2"));
    args.addAll(List.of(more));
    if (args.stream().noneMatch(arg -> arg.startsWith("--evaluate="))) {
      args.add("--evaluate=4");
    }
    return Ran.example(FineTuneBloomOnSquad::new, args.toArray(String[]::new));
  }

  @Test
  void walkthroughShowsItsSectionsInOrder() throws IOException {
    Ran ran = walk();

    assertThat(ran.err()).isEmpty();
    assertThat(ran.exitCode()).isZero();
    assertThat(ran.out())
        .containsSubsequence(
            "BloomForCausalLM(",
            "LoRA for BloomForCausalLM",
            "What is the best food?",
            "At what distance does the Moon orbit the Earth?",
            "on 4 questions",
            "trainable params: 2,048 || all params: ",
            "20 questions, 0 left out",
            "memory of a step, at most: ",
            "step 2 of 2",
            "adapter: 8,784 bytes",
            "loaded in ",
            "What is the best food?",
            "exact match ",
            "memory of the question adapter  8,192 bytes",
            "memory of the mail adapter      8,192 bytes",
            "process with both",
            "loss.png");
  }

  @Test
  void walkthroughLeavesAdapterPictureAndLog() throws IOException {
    walk();

    assertThat(output.resolve("adapter"))
        .isDirectoryContaining("glob:**/adapter_config.json")
        .isDirectoryContaining("glob:**/adapter_model.safetensors");
    assertThat(Files.size(output.resolve("loss.png"))).isPositive();
    assertThat(Files.readAllLines(output.resolve("log.jsonl")))
        .hasSize(2)
        .allSatisfy(line -> assertThat(line).startsWith("{\"step\":").contains("\"loss\":"));
    assertThat(output.resolve("checkpoints")).doesNotExist();
  }

  @Test
  void sameCommandGivesSameAdapter() throws IOException {
    walk();
    byte[] first = Files.readAllBytes(output.resolve("adapter/adapter_model.safetensors"));

    walk();

    assertThat(output.resolve("adapter/adapter_model.safetensors")).hasBinaryContent(first);
  }

  @Test
  void longExamplesAreLeftOutAndCounted() throws IOException {
    Path file = directory.resolve("tiny-v2.0.json");
    String text = Files.readString(file);
    Files.writeString(file, text.replace("How is tin 3?", "How is " + "tin ".repeat(200) + "3?"));

    Ran ran = walk("--max-tokens=150", "--evaluate=1");

    assertThat(ran.err()).isEmpty();
    assertThat(ran.out()).contains("1 left out for being longer than 150 tokens");
  }

  @Test
  void helpTellsTheDefaultsOfBothKindsOfBase() {
    Ran ran = Ran.example(FineTuneBloomOnSquad::new, "--help");

    assertThat(ran.exitCode()).isZero();
    assertThat(ran.out().replaceAll("\\s+", " "))
        .contains(
            "Peak learning rate. Default: %s; for the embedded model %s."
                .formatted(
                    ExampleDefaults.PUBLISHED.learningRate(),
                    ExampleDefaults.EMBEDDED.learningRate()))
        .contains("--resume");
  }

  @Test
  void helpDescribesEveryOption() {
    String help = Ran.example(FineTuneBloomOnSquad::new, "--help").out();

    assertThat(help.replaceAll("\\s+", " "))
        .contains("--rank=R Rank of the low-rank pairs. Default: 8.")
        .contains("--accumulation=N Passes in an optimiser step. Default: 4;")
        .contains("--evaluate=N Held-out questions to ask before and after, 0 for all.");
    assertThat(help.lines()).allMatch(line -> line.length() < 80).noneMatch("json"::equals);
  }

  @Test
  void versionIsThatOfTheBuild() {
    Ran ran = Ran.example(FineTuneBloomOnSquad::new, "--version");

    assertThat(ran.out()).matches("lora4j examples \\d+\\.\\d+\\.\\d+\\S*\\R");
  }
}
