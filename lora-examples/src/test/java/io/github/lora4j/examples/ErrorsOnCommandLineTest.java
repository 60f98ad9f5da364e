package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever goes wrong: one readable line, an exit code, nothing half-written. */
class ErrorsOnCommandLineTest {

  private final Path directory;
  private final Path output;

  ErrorsOnCommandLineTest(@TempDir Path directory) {
    this.directory = directory;
    this.output = directory.resolve("output");
  }

  private Ran walk(Path model, String... more) throws IOException {
    List<String> args =
        new ArrayList<>(
            List.of("--model=" + model, "--output=" + output, "--evaluate=1", "--steps=2"));
    args.addAll(List.of(more));
    if (args.stream().noneMatch(arg -> arg.startsWith("--data="))) {
      args.add("--data=" + TinyFiles.squad(directory, 4));
    }
    return Ran.example(FineTuneBloomOnSquad::new, args.toArray(String[]::new));
  }

  private void assertFailed(Ran ran, int exitCode, String... said) throws IOException {
    assertThat(ran.exitCode()).isEqualTo(exitCode);
    assertThat(ran.err()).startsWith("lora4j: ").contains(said);
    assertThat(ran.err().lines()).hasSize(1);
    assertThat(Files.exists(output.resolve("adapter"))).isFalse();
    if (Files.isDirectory(output)) {
      try (Stream<Path> left = Files.walk(output)) {
        assertThat(left.map(Path::toString)).noneMatch(name -> name.contains(".incomplete"));
      }
    }
  }

  @Test
  void missingModelDirectory() throws IOException {
    assertFailed(walk(directory.resolve("nowhere")), 1, "nowhere", "wanted a model directory");
  }

  @Test
  void missingData() throws IOException {
    Ran ran = walk(TinyFiles.checkpoint(), "--data=" + directory.resolve("none.json"));

    assertFailed(ran, 1, "there is no file", "none.json");
  }

  @Test
  void targetThatMatchesNothing() throws IOException {
    Ran ran = walk(TinyFiles.checkpoint(), "--targets=q_proj");

    assertFailed(ran, 1, "q_proj", "match nothing", "query_key_value x2");
  }

  @Test
  void damagedWeights() throws IOException {
    Path model = directory.resolve("damaged");
    Files.createDirectories(model);
    try (Stream<Path> files = Files.list(TinyFiles.checkpoint())) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    byte[] weights = Files.readAllBytes(model.resolve("model.safetensors"));
    Files.write(model.resolve("model.safetensors"), Arrays.copyOf(weights, weights.length / 2));

    assertFailed(walk(model), 1, "model.safetensors");
  }

  @Test
  void damagedQuestions() throws IOException {
    Path questions = directory.resolve("torn.json");
    Files.writeString(questions, "{\"data\": [");

    assertFailed(walk(TinyFiles.checkpoint(), "--data=" + questions), 1, "torn.json");
  }

  @Test
  void settingsOutOfRange() throws IOException {
    Ran ran = walk(TinyFiles.checkpoint(), "--rank=0", "--batch-size=0");

    assertFailed(ran, 2, "rank must be positive, got 0", "batchSize");
    assertThat(ran.out()).as("said before a base is loaded").isEmpty();
  }

  @Test
  void noSteps() throws IOException { // to the trainer 0 steps mean whole epochs
    for (int steps : new int[] {0, -1}) {
      Ran ran = Ran.example(FineTuneBloomOnSquad::new, "--output=" + output, "--steps=" + steps);

      assertFailed(ran, 2, "--steps must be at least 1, got " + steps);
    }
  }

  @Test
  void negativeNumberOfQuestions() throws IOException {
    Ran ran = Ran.example(FineTuneBloomOnSquad::new, "--output=" + output, "--evaluate=-1");

    assertFailed(ran, 2, "--evaluate must be at least 0, got -1");
  }

  @Test
  void mailsThatAreAllTooLong() throws IOException {
    Ran ran =
        Ran.example(
            TrainMailAdapter::new,
            "--model=" + TinyFiles.checkpoint(),
            "--output=" + output,
            "--max-tokens=3");

    assertFailed(ran, 1, "every e-mail is longer than 3 tokens; give --max-tokens more");
  }

  @Test
  void wrongOption() throws IOException {
    assertFailed(walk(TinyFiles.checkpoint(), "--stepz=2"), 2, "--stepz", "--help");
    assertFailed(
        walk(TinyFiles.checkpoint(), "--precision=fp8"),
        2,
        "wanted one of fp32, fp16, bf16, int8, auto, got 'fp8'");
    assertFailed(walk(TinyFiles.checkpoint(), "--device=tpu"), 2, "got 'tpu'");
  }

  @Test
  void deviceThatIsNotThere() throws IOException {
    assertFailed(walk(TinyFiles.checkpoint(), "--device=gpu99"), 1, "99");
  }

  @Test
  void nothingToResume() throws IOException {
    assertFailed(walk(TinyFiles.checkpoint(), "--resume"), 1, "no checkpoint to take up");
  }

  @Test
  void unfinishedRunIsNotOverwritten() throws IOException {
    Files.createDirectories(output.resolve("checkpoints/checkpoint-5"));

    assertFailed(walk(TinyFiles.checkpoint()), 1, "was not finished", "--resume");
  }

  @Test
  void outputThatIsFile() throws IOException {
    Files.writeString(output, "here");

    assertFailed(walk(TinyFiles.checkpoint()), 1, "a file is in the way", "output");
  }

  @Test
  void fullDisk() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "this system has no /dev/full to stand for a full disk");
    Files.createDirectories(output);
    Files.createSymbolicLink(output.resolve("log.jsonl"), full);

    assertFailed(walk(TinyFiles.checkpoint()), 1, "No space left on device");
  }
}
