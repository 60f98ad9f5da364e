package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Adapters from the wild beside bases of their published shapes with random weights, in fp32,
 * against PEFT beside the same. Needs {@code -Dlora4j.shared} and {@code -Dlora4j.bases}.
 */
final class RealFamilyAdaptersTest {

  /** Of the largest logit: what fp32 leaves of sums over thousands, in another order. */
  private static final double LOGITS = 1e-4;

  /** Norm of the difference by the norm of the reference, which is fp32 itself. */
  private static final double GRADIENTS = 1e-4;

  private final Path temp;

  RealFamilyAdaptersTest(@TempDir Path temp) {
    this.temp = temp;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpt2-r8",
        "gpt2-r8-listed-targets-that-do-not-exist",
        "opt-125m-r8",
        "gemma3-270m-r4",
        "tinyllama-r4",
        "gpt-neox-r1-f16",
        "phi-1.5-r4",
        "qwen2.5-3b-r4"
      })
  void adapterGivesWhatPeftGivesAndIsTrainedAndSaved(String name) throws IOException {
    Path adapter = SharedFiles.require("data/adapters/" + name);
    RealBase golden = RealBase.of(name);

    try (CausalLm base = golden.load(Precision.FP32)) {
      double bare = difference(base, "base", golden);
      try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, adapter, true)) {
        double adapted = difference(peft.model(), "adapted", golden);
        double gradients = gradients(base, withoutDropout(adapter), golden);
        System.out.printf(
            "%s: base logits %.1e, adapted logits %.1e, gradients %.1e%n",
            name, bare, adapted, gradients);

        assertThat(bare).as("base").isLessThanOrEqualTo(LOGITS);
        assertThat(adapted).as("adapted").isLessThanOrEqualTo(LOGITS);
        assertThat(gradients).as("gradients").isLessThanOrEqualTo(GRADIENTS);
        assertThat(peft.parameterCount().trainable()).isEqualTo(golden.parameters()[0]);
        assertThat(peft.parameterCount().all()).isEqualTo(golden.parameters()[1]);
        assertSavedAsItWas(peft, adapter);
        assertTrainedAndLoadedAgain(base, peft, golden);
      }
      assertThat(difference(base, "base", golden)).as("base afterwards").isEqualTo(bare);
    }
  }

  /** Largest difference of a logit by the largest logit of the reference. */
  private static double difference(CausalLm model, String which, RealBase golden) {
    double largest = 0;
    double difference = 0;
    int[][] rows = golden.rows();
    for (int row = 0; row < rows.length; row++) {
      float[][] actual = model.logits(rows[row])[0];
      TensorData expected = golden.logits(which, row);
      int width = Math.toIntExact(expected.shape().get(1));
      assertThat(actual).hasNumberOfRows(rows[row].length);
      for (int i = 0; i < expected.values().length; i++) {
        float reference = expected.values()[i];
        largest = Math.max(largest, Math.abs(reference));
        double off = Math.abs((double) actual[i / width][i % width] - reference);
        difference = off <= difference ? difference : off; // keeps what is no number
      }
    }
    return difference / largest;
  }

  /** A copy of an adapter that a training pass drops nothing of. */
  private Path withoutDropout(Path adapter) throws IOException {
    Path copy = Files.createDirectories(temp.resolve("without-dropout"));
    String weights = "adapter_model.safetensors";
    Files.copy(adapter.resolve(weights), copy.resolve(weights));
    JsonObject config =
        JsonParser.parseString(Files.readString(adapter.resolve("adapter_config.json")))
            .getAsJsonObject();
    config.addProperty("lora_dropout", 0.0);
    Files.writeString(copy.resolve("adapter_config.json"), config.toString());
    return copy;
  }

  private static double gradients(CausalLm base, Path adapter, RealBase golden) throws IOException {
    try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, adapter, true)) {
      return gradients(base, peft.model().adapter().orElseThrow(), golden);
    }
  }

  private static double gradients(CausalLm base, AdapterWeights weights, RealBase golden) {
    TokenBatch batch = TokenBatch.of(golden.lossRows(), golden.labels());
    try (Pass pass = Pass.training(base.decoder().manager(), batch, weights, 1)) {
      double loss = base.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), true);
      assertThat(loss).isCloseTo(golden.loss(), within(1e-4));
    }
    Map<String, TensorData> actual = weights.readGradients();
    Map<String, TensorData> expected = golden.gradients();
    assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
    double worst = 0;
    for (Map.Entry<String, TensorData> tensor : expected.entrySet()) {
      double norm = 0;
      double difference = 0;
      float[] reference = tensor.getValue().values();
      float[] found = requireNonNull(actual.get(tensor.getKey())).values();
      for (int i = 0; i < reference.length; i++) {
        norm = Math.hypot(norm, reference[i]);
        difference = Math.hypot(difference, (double) found[i] - reference[i]);
      }
      worst = difference / norm <= worst ? worst : difference / norm;
    }
    return worst;
  }

  /** Names and values, whatever type the file had. */
  private void assertSavedAsItWas(PeftModel<CausalLm> peft, Path adapter) throws IOException {
    Path saved = temp.resolve("as-it-was");
    peft.save(saved);

    Map<String, TensorData> before =
        GoldenTensors.read(adapter.resolve("adapter_model.safetensors"));
    Map<String, TensorData> after = GoldenTensors.read(saved.resolve("adapter_model.safetensors"));
    assertThat(after.keySet()).isEqualTo(before.keySet());
    before.forEach(
        (name, tensor) ->
            assertThat(requireNonNull(after.get(name)).values())
                .as(name)
                .isEqualTo(tensor.values()));
  }

  private void assertTrainedAndLoadedAgain(CausalLm base, PeftModel<CausalLm> peft, RealBase golden)
      throws IOException {
    int[] row = golden.rows()[0];
    float[][] before = peft.model().logits(row)[0];
    List<TokenExample> examples = golden.lossRows().stream().map(TokenExample::of).toList();
    LoraTrainer.builder(peft)
        .options(TrainingOptions.builder().batchSize(2).maxSteps(1).learningRate(1e-2).build())
        .build()
        .train(TrainingDataset.of(examples));

    float[][] trained = peft.model().logits(row)[0];
    Path saved = temp.resolve("trained");
    peft.save(saved);
    try (PeftModel<CausalLm> again = PeftModel.fromPretrained(base, saved)) {
      assertThat(again.model().logits(row)[0]).isDeepEqualTo(trained);
    }
    assertThat(trained[0]).isNotEqualTo(before[0]);
  }
}
