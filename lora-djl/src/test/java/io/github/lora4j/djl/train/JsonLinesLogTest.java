package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JsonLinesLogTest {

  private static final TrainingStep STEP = new TrainingStep(1, 0.5, 1.25, 0.75, 1e-3, 99.5, 4096);
  private static final String STEP_LINE =
      "{\"step\":1,\"epoch\":0.5,\"loss\":1.25,\"grad_norm\":0.75,\"learning_rate\":0.001,"
          + "\"tokens_per_second\":99.5,\"peak_native_bytes\":4096}";

  @Test
  void everyRecordIsOnDiskAtOnce(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("deeper/log.jsonl");

    try (JsonLinesLog log = JsonLinesLog.create(file)) {
      log.onStep(STEP);
      assertThat(Files.readAllLines(file)).containsExactly(STEP_LINE);
      log.onEvaluation(new Evaluation(1, 0.5, 2.5));

      assertThat(Files.readAllLines(file))
          .containsExactly(STEP_LINE, "{\"step\":1,\"epoch\":0.5,\"eval_loss\":2.5}");
    }
  }

  @Test
  void skippedStepIsValidJson(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("log.jsonl");
    TrainingStep skipped = new TrainingStep(1, 0.5, 1.25, TrainingStep.SKIPPED, 1e-3, 99.5, 4096);

    try (JsonLinesLog log = JsonLinesLog.create(file)) {
      log.onStep(skipped);
    }

    assertThat(Files.readAllLines(file))
        .containsExactly(STEP_LINE.replace("\"grad_norm\":0.75", "\"skipped\":true"));
    assertThat(TrainingHistory.step(JsonParser.parseString(Files.readString(file))))
        .isEqualTo(skipped);
  }

  @Test
  void createReplacesAndAppendContinues(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("log.jsonl");
    Files.writeString(file, "old\n");

    try (JsonLinesLog log = JsonLinesLog.create(file)) {
      log.onStep(STEP);
    }
    try (JsonLinesLog log = JsonLinesLog.append(file)) {
      log.onStep(STEP);
    }

    assertThat(Files.readAllLines(file)).containsExactly(STEP_LINE, STEP_LINE);
  }

  @Test
  void appendDropsHalfWrittenLine(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("log.jsonl");
    Files.writeString(file, STEP_LINE + "\n" + STEP_LINE.substring(0, 9));

    try (JsonLinesLog log = JsonLinesLog.append(file)) {
      log.onStep(STEP);
    }

    assertThat(Files.readAllLines(file)).containsExactly(STEP_LINE, STEP_LINE);
  }

  @Test
  void interruptedThreadStillWrites(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("log.jsonl");

    try (JsonLinesLog log = JsonLinesLog.create(file)) {
      Thread.currentThread().interrupt();
      log.onStep(STEP);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }

    assertThat(Files.readAllLines(file)).containsExactly(STEP_LINE);
  }
}
