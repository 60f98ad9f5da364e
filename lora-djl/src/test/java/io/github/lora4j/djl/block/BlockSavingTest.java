package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.spi.TensorData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is trained outlives the process, as a DJL model and as an adapter. */
final class BlockSavingTest {

  private final Model model = Model.newInstance("saved");
  private final NDManager manager = model.getNDManager();
  private final Path directory;

  BlockSavingTest(@TempDir Path directory) {
    this.directory = directory;
  }

  @AfterEach
  void close() {
    model.close();
  }

  private PeftModel<Block> trained(Sample sample, LoraConfig config) {
    PeftModel<Block> peft = PeftModel.wrap(sample.ready(manager, 1), config);
    model.setBlock(peft.model());
    try (Trainer trainer = sample.trainer(model)) {
      trainer.initialize(sample.shapes());
      for (int i = 0; i < 3; i++) {
        try (NDManager batch = trainer.getManager().newSubManager()) {
          try (GradientCollector collector = trainer.newGradientCollector()) {
            NDList outputs = trainer.forward(sample.input(batch));
            NDList labels = new NDList(sample.labels(batch));
            collector.backward(trainer.getLoss().evaluate(labels, outputs));
          }
          trainer.step();
        }
      }
    }
    return peft;
  }

  @ParameterizedTest
  @EnumSource(Sample.class)
  void modelLoadsIntoAFreshBlockOfTheSameArchitecture(Sample sample) throws Exception {
    LoraConfig config = sample.config().bias(Bias.ALL).build();
    PeftModel<Block> peft = trained(sample, config);
    float[] predicted = sample.predict(peft.model(), manager);
    model.save(directory, "tuned");

    try (Model other = Model.newInstance("tuned")) {
      Block base = sample.ready(other.getNDManager(), 999); // other weights than those saved
      List<Integer> bits = Sample.bits(base);
      float[] bare = sample.predict(base, manager);
      PeftModel<Block> view = PeftModel.wrap(base, config, 7);
      other.setBlock(view.model());
      other.load(directory, "tuned");

      assertSame(sample.predict(view.model(), manager), predicted);
      assertThat(view.tensors()).isEqualTo(peft.tensors());
      assertThat(Sample.bits(base)).isEqualTo(bits);
      assertThat(sample.predict(base, manager)).isEqualTo(bare);

      other.save(directory.resolve("again"), "tuned"); // what the view computes with
      other.load(directory.resolve("again"), "tuned");
      assertSame(sample.predict(view.model(), manager), predicted);
    }
  }

  /** The same values; where they lie in memory decides how libtorch rounds their products. */
  private static void assertSame(float[] predicted, float[] wanted) {
    assertThat(predicted).usingComparatorWithPrecision(1e-5f).containsExactly(wanted);
  }

  @Test
  void weightsThatTheBaseHasAreSharedAndOthersAreTheViews() throws Exception {
    Sample sample = Sample.SEQUENTIAL;
    PeftModel<Block> peft = trained(sample, sample.random());
    model.save(directory, "tuned");

    try (Model same = Model.newInstance("tuned");
        Model different = Model.newInstance("tuned")) {
      PeftModel<Block> sharing =
          PeftModel.wrap(sample.ready(same.getNDManager(), 1), sample.random());
      same.setBlock(sharing.model());
      same.load(directory, "tuned");
      PeftModel<Block> owning =
          PeftModel.wrap(sample.ready(different.getNDManager(), 2), sample.random());
      different.setBlock(owning.model());
      different.load(directory, "tuned");

      assertThat(sharing.nativeBytes()).isEqualTo(peft.nativeBytes());
      assertThat(owning.nativeBytes())
          .isEqualTo(peft.nativeBytes() + 4 * (6 * 16 + 16 * 12 + 12 * 5)); // biases are all zero
      owning.close();
      assertThat(owning.nativeBytes()).isZero();
    }
  }

  /** A predictor made before the load has fetched the arrays that the load writes to. */
  @Test
  void loadingReachesWhatIsInUseAlready() throws Exception {
    Sample sample = Sample.SEQUENTIAL;
    PeftModel<Block> peft = trained(sample, sample.random());
    float[] predicted = sample.predict(peft.model(), manager);
    model.save(directory, "tuned");
    try (Trainer trainer = sample.trainer(model)) {
      trainer.initialize(sample.shapes());
      for (Parameter parameter : peft.model().getParameters().values()) {
        parameter.getArray().setRequiresGradient(false);
        parameter.getArray().muli(2);
        parameter.getArray().setRequiresGradient(true);
      }
      assertThat(evaluate(sample, trainer)).isNotEqualTo(predicted);

      model.load(directory, "tuned");

      assertThat(evaluate(sample, trainer)).isEqualTo(predicted);
    }
  }

  private float[] evaluate(Sample sample, Trainer trainer) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray output = trainer.evaluate(sample.input(scope)).head();
      return output.toFloatArray();
    }
  }

  @Test
  void otherConfigurationIsRefusedAndChangesNothing() throws Exception {
    Sample sample = Sample.SEQUENTIAL;
    trained(sample, sample.random());
    model.save(directory, "tuned");

    try (Model other = Model.newInstance("tuned")) {
      PeftModel<Block> view =
          PeftModel.wrap(sample.ready(other.getNDManager(), 2), sample.config().rank(3).build());
      Map<String, TensorData> before = view.tensors();
      float[] predicted = sample.predict(view.model(), manager);
      other.setBlock(view.model());

      assertThatThrownBy(() -> other.load(directory, "tuned"))
          .isInstanceOf(MalformedModelException.class)
          .hasMessageContaining("0.lora_A float32 (2, 6)")
          .hasMessageContaining("0.lora_A float32 (3, 6)")
          .hasMessageContaining("with the configuration that was saved");
      assertThat(view.tensors()).isEqualTo(before);
      assertThat(sample.predict(view.model(), manager)).isEqualTo(predicted);
    }
  }

  @Test
  void parametersOfTheBareBlockAreRefusedWithWhenToLoadThem() throws Exception {
    Sample sample = Sample.SEQUENTIAL;
    Block base = sample.ready(manager, 1);
    model.setBlock(base);
    model.save(directory, "bare");
    model.setBlock(PeftModel.wrap(base, sample.random()).model());

    assertThatThrownBy(() -> model.load(directory, "bare"))
        .isInstanceOf(MalformedModelException.class)
        .hasMessageContaining("load them into the block before it is wrapped");
  }

  /** A block that was itself loaded has no names of inputs, which DJL's save asks for. */
  @Test
  void loadedBaseIsTunedAndSaved() throws Exception {
    Sample sample = Sample.SEQUENTIAL;
    model.setBlock(sample.ready(manager, 1));
    model.save(directory, "base");

    try (Model loaded = Model.newInstance("base")) {
      Block base = Sample.mlp();
      loaded.setBlock(base);
      loaded.load(directory, "base");
      PeftModel<Block> peft = PeftModel.wrap(base, sample.random());
      loaded.setBlock(peft.model());
      loaded.save(directory, "tuned");

      assertThat(sample.predict(base, manager))
          .isEqualTo(sample.predict(model.getBlock(), manager));
      assertThat(loaded.describeInput().values()).containsExactly(sample.shapes());
    }
  }

  /**
   * PEFT: test_save_load_roundtrip, and test_parameters_after_loading_model. Another seed must not
   * matter.
   */
  @ParameterizedTest
  @EnumSource(Sample.class)
  void adapterIsTheSameAfterSavingAndLoading(Sample sample) throws Exception {
    PeftModel<Block> peft = trained(sample, sample.config().build());
    float[] predicted = sample.predict(peft.model(), manager);
    peft.save(directory.resolve("adapter"));
    Block base = sample.ready(manager, 1);

    try (PeftModel<Block> view = PeftModel.fromPretrained(base, directory.resolve("adapter"));
        PeftModel<Block> further =
            PeftModel.fromPretrained(base, directory.resolve("adapter"), true)) {
      assertSame(sample.predict(view.model(), manager), predicted);
      assertThat(view.tensors()).isEqualTo(peft.tensors());
      assertThat(view.nativeBytes()).isEqualTo(further.nativeBytes() / 2);
      assertThat(further.model().getParameters().values()).allMatch(Parameter::requiresGradient);
      assertThat(Sample.bits(base)).isEqualTo(Sample.bits(((PeftBlock) peft.model()).base()));
    }
  }

  /** Dropout matters in training only: an adapter of somebody else predicts all the same. */
  @Test
  void adapterThatWasTrainedWithDropoutLoadsForInference() throws Exception {
    Sample sample = Sample.SEQUENTIAL;
    PeftModel<Block> peft = trained(sample, sample.random());
    peft.save(directory.resolve("adapter"));
    Path config = directory.resolve("adapter/adapter_config.json");
    String json = Files.readString(config);
    Files.writeString(config, json.replace("\"lora_dropout\": 0.0", "\"lora_dropout\": 0.05"));
    Block base = sample.ready(manager, 1);

    try (PeftModel<Block> view = PeftModel.fromPretrained(base, directory.resolve("adapter"))) {
      assertThat(view.config().dropout()).isCloseTo(0.05, within(1e-9));
      assertThat(sample.predict(view.model(), manager))
          .isEqualTo(sample.predict(peft.model(), manager));
    }
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory.resolve("adapter"), true))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("\"lora_dropout\": 0");
  }
}
