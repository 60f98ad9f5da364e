package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.initializer.Initializer;
import io.github.lora4j.PeftModel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What DJL does to a model behind one's back, and what is done about it. */
final class BlockTrapsTest {

  private final Model model = Model.newInstance("trapped");
  private final NDManager manager = model.getNDManager();

  @AfterEach
  void close() {
    model.close();
  }

  @Test
  void baseStaysFrozenAfterNewTrainerOnALoadedModel(@TempDir Path directory) throws Exception {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random());
    model.setBlock(peft.model());
    model.save(directory, "trapped");
    model.load(directory, "trapped");

    try (Trainer trainer = Sample.SEQUENTIAL.trainer(model)) { // thaws what it finds
      trainer.initialize(Sample.SEQUENTIAL.shapes());

      assertThat(base.getParameters().values()).noneMatch(Parameter::requiresGradient);
      assertThat(peft.model().getParameters().values()).allMatch(Parameter::requiresGradient);
    }
  }

  @Test
  void initialisersOfATrainingConfigurationReachNeitherBaseNorAdapter() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    List<Integer> bits = Sample.bits(base);
    PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random());
    model.setBlock(peft.model());
    List<Integer> adapter = Sample.bits(peft.model());

    try (Trainer trainer =
        model.newTrainer(
            Sample.SEQUENTIAL
                .trainingConfig()
                .optInitializer(Initializer.ONES, Parameter.Type.WEIGHT)
                .optInitializer(Initializer.ONES, parameter -> true))) {
      trainer.initialize(Sample.SEQUENTIAL.shapes());

      assertThat(Sample.bits(base)).isEqualTo(bits);
      assertThat(Sample.bits(peft.model())).isEqualTo(adapter);
    }
  }

  @Test
  void adapterThatWasLoadedForInferenceStaysFrozen(@TempDir Path directory) throws Exception {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    PeftModel.wrap(base, Sample.SEQUENTIAL.random()).save(directory.resolve("adapter"));
    PeftModel<Block> view = PeftModel.fromPretrained(base, directory.resolve("adapter"));

    view.model().freezeParameters(false);
    view.model().freezeParameters(false, parameter -> true);

    assertThat(view.model().getParameters().values()).noneMatch(Parameter::requiresGradient);
    assertThat(view.parameterCount().trainable()).isZero();
  }

  @Test
  void trainingMovesNoRunningAverage() {
    Block base = Sample.BERT.ready(manager, 1);
    List<Integer> bits = Sample.bits(base);

    try (PeftModel<Block> peft = PeftModel.wrap(base, Sample.BERT.random())) {
      Sample.BERT.forward(peft.model(), manager, true);
      assertThat(Sample.bits(base)).isEqualTo(bits);
    }
    Sample.BERT.forward(base, manager, true); // what the base alone does
    assertThat(Sample.bits(base)).isNotEqualTo(bits);
  }

  /** Threads record gradients unless told not to, and main does not. */
  @Test
  void predictingRecordsNoGraphOnThreadsThatDo() throws Exception {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random());
    ExecutorService fresh = Executors.newSingleThreadExecutor();
    try {
      fresh
          .submit(
              () -> {
                backward(forward(peft.model(), true));
                NDArray predicted = forward(peft.model(), false);
                assertThatThrownBy(() -> backward(predicted))
                    .hasMessageContaining("does not require grad");
              })
          .get();
    } finally {
      fresh.shutdown();
    }
  }

  private NDArray forward(Block block, boolean training) {
    NDList inputs = Sample.SEQUENTIAL.input(manager);
    return block.forward(new ParameterStore(manager, false), inputs, training).head().sum();
  }

  private void backward(NDArray target) {
    try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
      collector.backward(target);
    }
  }

  @Test
  void clearingTheViewLeavesTheBase() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    List<Integer> bits = Sample.bits(base);
    PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random());

    peft.model().clear();

    assertThat(peft.nativeBytes()).isZero();
    assertThat(Sample.bits(base)).isEqualTo(bits);
  }
}
