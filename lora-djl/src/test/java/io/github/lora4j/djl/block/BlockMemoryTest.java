package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.training.EasyTrain;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import io.github.lora4j.Bias;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.train.ManagedArrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a forward computes is freed with it; nothing stays in the model's manager. */
final class BlockMemoryTest {

  private static final int MANY = 30;

  private final Model model = Model.newInstance("counted");
  private final NDManager manager = model.getNDManager();

  @AfterEach
  void close() {
    model.close();
  }

  private int held() {
    return ManagedArrays.below(manager);
  }

  @ParameterizedTest
  @EnumSource(Sample.class)
  void predictingHoldsNothing(Sample sample) throws Exception {
    Block base = sample.ready(manager, 1);
    PeftModel<Block> peft = PeftModel.wrap(base, sample.config().bias(Bias.ALL).build());
    model.setBlock(peft.model());
    try (Predictor<String, float[]> predictor = model.newPredictor(sample.translator())) {
      predictor.predict("warm up");
      int before = held();

      for (int i = 0; i < MANY; i++) {
        predictor.predict("again");
      }

      assertThat(held()).isEqualTo(before);
    }
  }

  /** Whoever keeps inputs in a manager that lives long keeps the outputs there, and no more. */
  @Test
  void longLivedInputsKeepTheOutputsOnly() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random());
    NDList input = Sample.SEQUENTIAL.input(manager);
    int before = held();
    base.forward(new ParameterStore(manager, false), input, false);
    int ofBase = held() - before;
    before = held();

    for (int i = 0; i < MANY; i++) {
      NDArray output =
          peft.model().forward(new ParameterStore(manager, false), input, false).head();
      assertThat(output.getManager()).isSameAs(manager);
    }

    assertThat(held() - before).isEqualTo(MANY * ofBase);
  }

  @ParameterizedTest
  @EnumSource(Sample.class)
  void trainingHoldsNothing(Sample sample) throws Exception {
    Block base = sample.ready(manager, 1);
    PeftModel<Block> peft = PeftModel.wrap(base, sample.random());
    model.setBlock(peft.model());
    NDList inputs = sample.input(manager);
    ArrayDataset data =
        new ArrayDataset.Builder()
            .setData(inputs.toArray(new NDArray[0]))
            .optLabels(sample.labels(manager))
            .setSampling(Sample.ROWS, false)
            .build();
    try (Trainer trainer = sample.trainer(model)) {
      trainer.initialize(sample.shapes());
      EasyTrain.fit(trainer, 2, data, null);
      int before = held();

      EasyTrain.fit(trainer, MANY, data, null);

      assertThat(held()).isEqualTo(before);
    }
  }

  @Test
  void loadingAndClosingViewsHoldsNothing() {
    Block base = Sample.BERT.ready(manager, 1);
    int before = held();

    for (int i = 0; i < MANY; i++) {
      PeftModel<Block> peft = PeftModel.wrap(base, Sample.BERT.random());
      assertThat(held()).isGreaterThan(before);
      Sample.BERT.predict(peft.model(), manager);
      peft.tensors();
      peft.close();
    }

    assertThat(held()).isEqualTo(before);
  }
}
