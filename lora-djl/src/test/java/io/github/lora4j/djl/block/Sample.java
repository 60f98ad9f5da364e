package io.github.lora4j.djl.block;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.nn.transformer.BertBlock;
import ai.djl.nn.transformer.ScaledDotProductAttentionBlock;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import ai.djl.translate.NoBatchifyTranslator;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Small models of DJL's own blocks, each with something to learn. */
enum Sample {
  SEQUENTIAL("0", "2", "4") {
    @Override
    Block build() {
      return mlp();
    }

    @Override
    NDList input(NDManager manager) {
      return new NDList(floats(manager, ROWS, 6));
    }

    @Override
    Loss loss() {
      return Loss.softmaxCrossEntropyLoss();
    }

    @Override
    NDArray labels(NDManager manager) {
      return classes(manager, 5);
    }
  },

  ATTENTION("queryProjection", "valueProjection") {
    @Override
    Block build() {
      return ScaledDotProductAttentionBlock.builder()
          .setEmbeddingSize(8)
          .setHeadCount(2)
          .optAttentionProbsDropoutProb(0)
          .build();
    }

    @Override
    NDList input(NDManager manager) {
      return new NDList(floats(manager, ROWS, 5, 8));
    }

    @Override
    Loss loss() {
      return Loss.l2Loss();
    }

    @Override
    NDArray labels(NDManager manager) {
      return floats(manager, ROWS, 5, 8).sin();
    }
  },

  BERT("queryProjection", "valueProjection", "poolingProjection") {
    @Override
    Block build() {
      return new SequentialBlock()
          .add(
              BertBlock.builder()
                  .setTokenDictionarySize(20)
                  .optTypeDictionarySize(2)
                  .optEmbeddingSize(8)
                  .optTransformerBlockCount(2)
                  .optAttentionHeadCount(2)
                  .optHiddenSize(16)
                  .optHiddenDropoutProbability(0)
                  .optMaxSequenceLength(6)
                  .build())
          .add(outputs -> new NDList(outputs.get(1)), "pooled")
          .add(Linear.builder().setUnits(3).build());
    }

    @Override
    NDList input(NDManager manager) {
      return bertInput(manager, ROWS, 6, 20);
    }

    @Override
    Loss loss() {
      return Loss.softmaxCrossEntropyLoss();
    }

    @Override
    NDArray labels(NDManager manager) {
      return classes(manager, 3);
    }
  };

  static final int ROWS = 7;

  private final String targets;

  Sample(String... targets) {
    this.targets = String.join(" ", targets);
  }

  abstract Block build();

  abstract NDList input(NDManager manager);

  abstract Loss loss();

  abstract NDArray labels(NDManager manager);

  /** Shapes of one batch. */
  Shape[] shapes() {
    try (NDManager manager = NDManager.newBaseManager()) {
      return input(manager).getShapes();
    }
  }

  /** Initialised with values that depend on the seed alone. */
  Block ready(NDManager manager, int seed) {
    Block block = build();
    block.initialize(manager, DataType.FLOAT32, shapes());
    Random random = new Random(seed);
    for (Parameter parameter : block.getParameters().values()) {
      if (parameter.getType() == Parameter.Type.WEIGHT) {
        NDArray array = parameter.getArray();
        float[] values = new float[Math.toIntExact(array.size())];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian() * 0.4f;
        }
        array.set(values);
      }
    }
    block.freezeParameters(true); // libtorch multiplies another way by a weight that is not
    return block;
  }

  LoraConfig.Builder config() {
    return LoraConfig.builder().rank(2).alpha(6).dropout(0).targetModules(targets.split(" ", -1));
  }

  /** Not a no-op from the start. */
  LoraConfig random() {
    return config().init(LoraInit.RANDOM).build();
  }

  Trainer trainer(Model model) {
    return model.newTrainer(trainingConfig());
  }

  DefaultTrainingConfig trainingConfig() {
    return new DefaultTrainingConfig(loss())
        .optDevices(new Device[] {Device.cpu()})
        .optOptimizer(
            Optimizer.sgd()
                .setLearningRateTracker(Tracker.fixed(this == BERT ? 0.05f : 0.2f))
                .build());
  }

  static SequentialBlock mlp() {
    return new SequentialBlock()
        .add(Linear.builder().setUnits(16).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(12).build())
        .add(Activation.tanhBlock())
        .add(Linear.builder().setUnits(5).build());
  }

  static NDList bertInput(NDManager manager, int rows, int length, int words) {
    long[] tokens = new long[rows * length];
    long[] types = new long[tokens.length];
    long[] mask = new long[tokens.length];
    Random random = new Random(3);
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = random.nextInt(words);
      types[i] = i % length < length / 2 ? 0 : 1;
      mask[i] = i % length < length - 1 ? 1 : 0;
    }
    Shape shape = new Shape(rows, length);
    return new NDList(
        manager.create(tokens, shape), manager.create(types, shape), manager.create(mask, shape));
  }

  static NDArray floats(NDManager manager, long... shape) {
    Random random = new Random(5);
    float[] values = new float[Math.toIntExact(new Shape(shape).size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return manager.create(values, new Shape(shape));
  }

  private static NDArray classes(NDManager manager, int count) {
    float[] labels = new float[ROWS];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % count;
    }
    return manager.create(labels);
  }

  /** One forward for prediction, copied to the heap. */
  float[] predict(Block block, NDManager manager) {
    return forward(block, manager, false);
  }

  /** One forward, copied to the heap. */
  float[] forward(Block block, NDManager manager, boolean training) {
    try (NDManager scope = manager.newSubManager()) {
      return block
          .forward(new ParameterStore(scope, false), input(scope), training)
          .head()
          .toFloatArray();
    }
  }

  /** Input made where it is freed, output on the heap: how a service predicts. */
  Translator<String, float[]> translator() {
    return new NoBatchifyTranslator<>() {
      @Override
      public NDList processInput(TranslatorContext context, String ignored) {
        return input(context.getNDManager());
      }

      @Override
      public float[] processOutput(TranslatorContext context, NDList list) {
        return list.head().toFloatArray();
      }
    };
  }

  /** Every bit of a block, running averages included. */
  static List<Integer> bits(Block block) {
    List<Integer> hashes = new ArrayList<>();
    for (Parameter parameter : block.getParameters().values()) {
      hashes.add(parameter.getArray().toByteBuffer().hashCode());
    }
    return hashes;
  }
}
