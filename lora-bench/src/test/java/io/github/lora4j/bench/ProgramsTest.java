package io.github.lora4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(value = OS.LINUX, disabledReason = "memory is read from /proc")
class ProgramsTest {

  private static final List<int[]> ROWS =
      List.of(new int[] {5, 6, 7, 8}, new int[] {9, 10}, new int[] {11, 5, 12});
  private static final String ATTENTION = "attention";
  private static final String EVERY_LINEAR = "every-linear";

  @TempDir private Path directory;

  @Test
  void gradientStepTimesAllBatchesAndWritesTheGradientsOfTheFirst() throws Exception {
    JsonObject outcome = TinyJob.run(GradientStep::main, directory, job(ATTENTION));

    List<Double> losses = numbers(outcome, "losses");
    assertThat(losses).hasSize(2).allMatch(loss -> loss > 0 && Double.isFinite(loss));
    assertThat(losses.get(0)).isEqualTo(outcome.get("loss").getAsDouble());
    assertThat(numbers(outcome, "seconds")).hasSize(1);
    assertThat(outcome.get("aboveWeightsMiB").getAsDouble()).isPositive();
    assertThat(namesInResults())
        .isNotEmpty()
        .allMatch(name -> name.endsWith(".lora_A") || name.endsWith(".lora_B"));
  }

  @Test
  void trainingsAtOnceHaveTheLossesOfTrainingsAlone() throws Exception {
    JsonObject both = TinyJob.run(TwoTrainings::main, directory, job(ATTENTION, EVERY_LINEAR));
    List<Double> alone = new ArrayList<>();
    for (String adapter : List.of(ATTENTION, EVERY_LINEAR)) {
      JsonObject one = TinyJob.run(GradientStep::main, directory, job(adapter));
      alone.add(one.get("loss").getAsDouble());
    }

    assertThat(numbers(both, "losses")).isEqualTo(alone).doesNotHaveDuplicates();
    assertThat(numbers(both, "seconds")).hasSize(1);
  }

  @Test
  void firstForwardWritesLogitsOfEveryPosition() throws Exception {
    JsonObject outcome = TinyJob.run(FirstForward::main, directory, job(ATTENTION));

    assertThat(numbers(outcome, "seconds")).hasSize(1);
    try (Safetensors results = Safetensors.open(results())) {
      assertThat(results.tensors().get(0).shape().get(0)).isEqualTo(9);
    }
  }

  @Test
  void rowsOfABatchDecodeAsTheyDoAlone() throws Exception {
    List<String> adapters = List.of(ATTENTION, EVERY_LINEAR, ATTENTION);
    JsonArray together =
        TinyJob.run(Decode::main, directory, TinyJob.of(adapters, ROWS, 5, results()))
            .getAsJsonArray("tokens");

    assertThat(together).hasSize(6);
    for (int row = 0; row < adapters.size(); row++) {
      Job job =
          TinyJob.of(adapters.subList(row, row + 1), ROWS.subList(row, row + 1), 5, results());
      JsonArray alone = TinyJob.run(Decode::main, directory, job).getAsJsonArray("tokens");
      for (int step = 0; step < alone.size(); step++) {
        assertThat(alone.get(step).getAsJsonArray().get(0))
            .isEqualTo(together.get(step).getAsJsonArray().get(row));
      }
    }
    assertThat(namesInResults()).containsExactly("logits");
  }

  @Test
  void machineRatesAreMeasuredForBothTypesAndLibraries() throws Exception {
    JsonObject outcome = TinyJob.run(MachineRates::main, "0.03", "1");

    for (String type : List.of("fp32", "bf16")) {
      assertThat(outcome.getAsJsonObject(type).asMap().values())
          .hasSize(2)
          .allMatch(rate -> rate.getAsDouble() > 0);
    }
    assertThat(outcome.get("readGBs").getAsDouble()).isPositive();
  }

  @Test
  void steadyTrainingReadsMemoryTwentyTimes() throws Exception {
    List<Double> growth = new ArrayList<>();
    List<String> lines =
        TinyJob.printed(args -> growth.add(SteadyTraining.growth(embedded(), squad(), 20)));

    assertThat(lines).hasSize(20).allMatch(line -> line.endsWith(" MiB resident"));
    assertThat(growth.get(0)).isLessThan(100);
  }

  @Test
  void adaptersThatComeAndGoAreReadTwentyTimesAndThoseThatStayTakeMemory() throws Exception {
    List<JsonObject> outcomes = new ArrayList<>();
    List<String> lines =
        TinyJob.printed(args -> outcomes.add(ResidentAdapters.run(embedded(), 40, 20)));

    assertThat(lines).hasSize(20).allMatch(line -> line.endsWith(" MiB resident"));
    JsonObject outcome = outcomes.get(0);
    assertThat(outcome.get("residentMiBEach").getAsDouble())
        .isGreaterThan(outcome.get("fileMiB").getAsDouble() / 2);
    assertThat(outcome.get("loadMillisAmongMany").getAsDouble()).isPositive();
  }

  @Test
  void curveInBf16StaysCloseToFp32AndIsNotTheSame() throws Exception {
    JsonObject outcome =
        TinyJob.run(PrecisionCurve::main, embedded().toString(), squad().toString(), "3");

    assertThat(outcome.get("largestDifference").getAsDouble()).isGreaterThan(0).isLessThan(0.02);
  }

  private static Path embedded() {
    return TinyJob.EXAMPLES.resolve("base");
  }

  private static Path squad() {
    return TinyJob.EXAMPLES.resolve("squad/heldout-v2.0.json");
  }

  private Job job(String... adapters) {
    return TinyJob.of(List.of(adapters), ROWS, 0, results());
  }

  private Path results() {
    return directory.resolve("results.safetensors");
  }

  private List<String> namesInResults() throws IOException {
    try (Safetensors results = Safetensors.open(results())) {
      return results.tensors().stream().map(TensorEntry::name).toList();
    }
  }

  private static List<Double> numbers(JsonObject outcome, String name) {
    return outcome.getAsJsonArray(name).asList().stream().map(JsonElement::getAsDouble).toList();
  }
}
