package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.nn.transformer.BertBlock;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.loss.Loss;
import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** DJL's own trainer moves the adapter and nothing else. */
final class BlockTrainingTest {

  private final Model model = Model.newInstance("tuned");
  private final NDManager manager = model.getNDManager();

  @BeforeEach
  void seed() {
    manager.getEngine().setRandomSeed(11); // dropout inside of BERT
  }

  @AfterEach
  void close() {
    model.close();
  }

  private double step(Sample sample, Trainer trainer) {
    try (NDManager batch = trainer.getManager().newSubManager();
        GradientCollector collector = trainer.newGradientCollector()) {
      NDList outputs = trainer.forward(sample.input(batch));
      NDArray loss = trainer.getLoss().evaluate(new NDList(sample.labels(batch)), outputs);
      collector.backward(loss);
      return loss.getFloat();
    }
  }

  private List<Double> train(Sample sample, int steps) {
    List<Double> losses = new ArrayList<>();
    try (Trainer trainer = sample.trainer(model)) {
      trainer.initialize(sample.shapes());
      for (int i = 0; i < steps; i++) {
        losses.add(step(sample, trainer));
        trainer.step();
      }
    }
    return losses;
  }

  /** PEFT: test_only_params_are_updated. */
  @ParameterizedTest
  @EnumSource(Sample.class)
  void ownLoopMovesEveryAdapterTensorAndNoBitOfTheBase(Sample sample) {
    Block base = sample.ready(manager, 1);
    List<Integer> bits = Sample.bits(base);
    float[] before = sample.predict(base, manager);

    try (PeftModel<Block> peft = PeftModel.wrap(base, sample.random())) {
      model.setBlock(peft.model());
      Map<String, TensorData> start = peft.tensors();
      List<Double> losses = train(sample, 25);

      Map<String, TensorData> end = peft.tensors();
      assertThat(end.keySet()).isEqualTo(start.keySet());
      start.forEach((name, tensor) -> assertThat(end.get(name)).as(name).isNotEqualTo(tensor));
      assertThat(average(losses.subList(20, 25))).isLessThan(average(losses.subList(0, 5)));
      assertThat(Sample.bits(base)).isEqualTo(bits);
      assertThat(sample.predict(base, manager)).isEqualTo(before);
    }
  }

  private static double average(List<Double> losses) {
    return losses.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  /** PEFT: _test_training. */
  @ParameterizedTest
  @EnumSource(Sample.class)
  void everyAdapterTensorHasAGradientAndNoBaseTensor(Sample sample) {
    Block base = sample.ready(manager, 1);

    try (PeftModel<Block> peft = PeftModel.wrap(base, sample.random())) {
      model.setBlock(peft.model());
      try (Trainer trainer = sample.trainer(model)) {
        trainer.initialize(sample.shapes());
        step(sample, trainer);

        for (Parameter parameter : peft.model().getParameters().values()) {
          assertThat(parameter.getType()).isEqualTo(Parameter.Type.OTHER);
          assertThat(parameter.getArray().getGradient().abs().sum().getFloat())
              .as(parameter.getName())
              .isPositive();
        }
        assertThat(base.getParameters().values())
            .noneMatch(Parameter::requiresGradient)
            .noneMatch(parameter -> parameter.getArray().hasGradient());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Sample.class)
  void easyTrainFits(Sample sample) throws Exception {
    Block base = sample.ready(manager, 1);
    List<Integer> bits = Sample.bits(base);

    try (PeftModel<Block> peft =
        PeftModel.wrap(base, sample.config().bias(Bias.LORA_ONLY).build())) {
      model.setBlock(peft.model());
      Map<String, TensorData> start = peft.tensors();
      try (Trainer trainer = sample.trainer(model)) {
        trainer.initialize(sample.shapes());
        ArrayDataset data = dataset(sample);
        EasyTrain.fit(trainer, 4, data, data);
      }

      Map<String, TensorData> end = peft.tensors();
      start.forEach((name, tensor) -> assertThat(end.get(name)).as(name).isNotEqualTo(tensor));
      assertThat(Sample.bits(base)).isEqualTo(bits);
    }
  }

  private ArrayDataset dataset(Sample sample) {
    NDList inputs = sample.input(manager);
    return new ArrayDataset.Builder()
        .setData(inputs.toArray(new NDArray[0]))
        .optLabels(sample.labels(manager))
        .setSampling(Sample.ROWS, false)
        .build();
  }

  @Test
  void bertOfPublishedSizeTrains() {
    BertBlock bert = BertBlock.builder().nano().setTokenDictionarySize(50).build();
    Block base = new SequentialBlock().add(bert).add(outputs -> new NDList(outputs.get(1)));
    base.initialize(
        manager, DataType.FLOAT32, new Shape(2, 128), new Shape(2, 128), new Shape(2, 128));
    List<Integer> bits = Sample.bits(base);
    LoraConfig config =
        LoraConfig.builder()
            .rank(8)
            .alpha(16)
            .dropout(0)
            .targetModules("queryProjection", "valueProjection")
            .build();

    try (PeftModel<Block> peft = PeftModel.wrap(base, config)) {
      model.setBlock(peft.model());
      Map<String, TensorData> start = peft.tensors();
      try (Trainer trainer = model.newTrainer(new DefaultTrainingConfig(Loss.l2Loss()))) {
        trainer.initialize(base.getInputShapes());
        for (int i = 0; i < 2; i++) {
          try (NDManager batch = trainer.getManager().newSubManager()) {
            try (GradientCollector collector = trainer.newGradientCollector()) {
              NDList outputs = trainer.forward(Sample.bertInput(batch, 2, 128, 50));
              NDArray ones = batch.ones(outputs.head().getShape());
              collector.backward(trainer.getLoss().evaluate(new NDList(ones), outputs));
            }
            trainer.step();
          }
        }
      }

      assertThat(peft.plan().pairs()).hasSize(8);
      assertThat(peft.tensors()).isNotEqualTo(start);
      assertThat(Sample.bits(base)).isEqualTo(bits);
    }
  }

  /** A head of the user's own on top of a view: DJL finds the adapter below and not the base. */
  @Test
  void viewCanBeAPartOfALargerBlock() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    List<Integer> bits = Sample.bits(base);

    try (PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random())) {
      Block whole =
          new SequentialBlock().add(peft.model()).add(Linear.builder().setUnits(5).build());
      model.setBlock(whole);
      Map<String, TensorData> start = peft.tensors();
      whole.freezeParameters(false);
      train(Sample.SEQUENTIAL, 3);

      assertThat(whole.getParameters()).hasSize(6 + 2);
      assertThat(peft.tensors()).isNotEqualTo(start);
      assertThat(Sample.bits(base)).isEqualTo(bits);
    }
  }
}
