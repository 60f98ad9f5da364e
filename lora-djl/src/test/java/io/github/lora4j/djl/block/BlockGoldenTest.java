package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.GoldenTensors;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A SequentialBlock against PEFT on an nn.Sequential of the same weights, at two ranks, one of them
 * rank-stabilised with trained biases. Tolerance 1e-4, that of PEFT's own tests: there (xA)B is
 * computed, here x(BA), and ten steps of training follow.
 */
final class BlockGoldenTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/block");
  private static final float TOLERANCE = 1e-4f;

  private final Model model = Model.newInstance("golden");
  private final NDManager manager = model.getNDManager();
  private final Map<String, TensorData> inputs;

  BlockGoldenTest() throws IOException {
    this.inputs = GoldenTensors.read(GOLDEN.resolve("inputs.safetensors"));
  }

  @BeforeEach
  void base() throws IOException {
    Block block = Sample.SEQUENTIAL.ready(manager, 0);
    Map<String, TensorData> weights = GoldenTensors.read(GOLDEN.resolve("base.safetensors"));
    BlockTree tree = BlockTree.of(block);
    assertThat(tree.all().keySet()).containsExactlyInAnyOrderElementsOf(weights.keySet());
    weights.forEach((name, tensor) -> tree.parameter(name).getArray().set(tensor.values()));
    model.setBlock(block);
  }

  @AfterEach
  void close() {
    model.close();
  }

  private NDArray array(String name) {
    return Arrays32.write(manager, tensor(inputs, name));
  }

  private static TensorData tensor(Map<String, TensorData> tensors, String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  private float[] logits(Block block) {
    NDList x = new NDList(array("x"));
    return block.forward(new ParameterStore(manager, false), x, false).head().toFloatArray();
  }

  private static void assertClose(float[] actual, TensorData expected, String what) {
    assertThat(actual).as(what).hasSameSizeAs(expected.values());
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).as(what + " " + i).isCloseTo(expected.values()[i], within(TOLERANCE));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rank-2", "rank-5"})
  void logitsGradientsAndTenStepsArePefts(String name, @TempDir Path temp) throws IOException {
    Path directory = GOLDEN.resolve(name);
    Map<String, TensorData> expected =
        GoldenTensors.read(directory.resolve("expected.safetensors"));
    JsonObject curve =
        JsonParser.parseString(Files.readString(directory.resolve("curve.json"))).getAsJsonObject();
    Block base = model.getBlock();
    assertClose(logits(base), tensor(inputs, "logits"), "logits of the base");

    try (PeftModel<Block> peft =
        PeftModel.fromPretrained(base, directory.resolve("initial"), true)) {
      model.setBlock(peft.model());
      assertClose(logits(peft.model()), tensor(expected, "logits.initial"), "first logits");
      train(peft, curve, expected);

      peft.tensors()
          .forEach(
              (key, value) -> assertClose(value.values(), tensor(expected, "final." + key), key));
      assertClose(logits(peft.model()), tensor(expected, "logits.final"), "last logits");
      peft.save(temp.resolve("saved"));
    }

    Path weights = Path.of("adapter_model.safetensors");
    assertThat(GoldenTensors.read(temp.resolve("saved").resolve(weights)).keySet())
        .isEqualTo(GoldenTensors.read(directory.resolve("final").resolve(weights)).keySet());
    try (PeftModel<Block> view = PeftModel.fromPretrained(base, directory.resolve("final"))) {
      assertClose(logits(view.model()), tensor(expected, "logits.final"), "PEFT's adapter");
    }
  }

  private void train(PeftModel<Block> peft, JsonObject curve, Map<String, TensorData> expected) {
    float rate = curve.get("learning_rate").getAsFloat();
    DefaultTrainingConfig config =
        new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
            .optDevices(new Device[] {Device.cpu()})
            .optOptimizer(Optimizer.sgd().setLearningRateTracker(Tracker.fixed(rate)).build());
    try (Trainer trainer = model.newTrainer(config)) {
      trainer.initialize(array("x").getShape());
      for (int step = 0; step < curve.getAsJsonArray("losses").size(); step++) {
        try (GradientCollector collector = trainer.newGradientCollector()) {
          NDList outputs = trainer.forward(new NDList(array("x")));
          NDArray loss = trainer.getLoss().evaluate(new NDList(array("labels")), outputs);
          collector.backward(loss);
          assertThat(loss.getFloat())
              .as("loss of step " + step)
              .isCloseTo(curve.getAsJsonArray("losses").get(step).getAsFloat(), within(TOLERANCE));
        }
        if (step == 0) {
          for (Parameter parameter : peft.model().getParameters().values()) {
            String name = "gradient." + parameter.getName();
            float[] gradient = parameter.getArray().getGradient().toFloatArray();
            assertClose(gradient, tensor(expected, name), name);
          }
        }
        trainer.step();
      }
    }
  }
}
