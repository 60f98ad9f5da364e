package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class ScheduleTest {

  static List<JsonElement> cases() throws IOException {
    List<JsonElement> cases = new ArrayList<>();
    JsonParser.parseString(Files.readString(GoldenCurve.DIRECTORY.resolve("schedules.json")))
        .getAsJsonObject()
        .getAsJsonArray("cases")
        .forEach(cases::add);
    return cases;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void learningRatesEqualTransformers(JsonElement element) {
    JsonObject golden = element.getAsJsonObject();
    String name = golden.get("schedule").getAsString();
    int warmup = name.equals("constant") ? 0 : golden.get("warmup_steps").getAsInt();
    int total = golden.get("max_steps").getAsInt();
    TrainingOptions options =
        TrainingOptions.builder()
            .schedule(schedule(name))
            .warmupSteps(warmup)
            .maxSteps(total)
            .learningRate(golden.get("learning_rate").getAsDouble())
            .build();
    StepPlan plan = new StepPlan(100, options);

    JsonArray used = golden.getAsJsonArray("used");
    assertThat(used.size()).isEqualTo(total);
    for (int i = 0; i < used.size(); i++) {
      assertThat(plan.learningRate(i + 1))
          .as("step %d of %s", i + 1, name)
          .isCloseTo(used.get(i).getAsDouble(), within(1e-17));
    }
  }

  private static Schedule schedule(String name) {
    return switch (name) {
      case "linear" -> Schedule.LINEAR;
      case "cosine" -> Schedule.COSINE;
      case "constant", "constant_with_warmup" -> Schedule.CONSTANT;
      default -> throw new IllegalArgumentException(name);
    };
  }
}
