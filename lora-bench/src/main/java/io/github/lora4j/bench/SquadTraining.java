package io.github.lora4j.bench;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TaskType;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.TrainingListener;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.djl.train.TrainingReport;
import java.io.IOException;
import java.nio.file.Path;

/** A whole training as a user writes it, the same one at every call. */
final class SquadTraining {

  private static final long SEED = 42;

  private SquadTraining() {}

  static TrainingReport run(
      Path model, Path squad, Precision precision, int steps, TrainingListener listener)
      throws IOException {
    LoraConfig config =
        LoraConfig.builder()
            .rank(8)
            .alpha(16)
            .targetModules("query_key_value")
            .taskType(TaskType.CAUSAL_LM)
            .build();
    TrainingOptions options =
        TrainingOptions.builder()
            .batchSize(4)
            .gradientAccumulation(1)
            .maxSteps(steps)
            .warmupSteps(10)
            .learningRate(1e-3)
            .seed(SEED)
            .shuffle(true)
            .build();
    try (CausalLm base = CausalLm.load(model, LoadOptions.builder().precision(precision).build());
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config, SEED)) {
      TrainingDataset dataset =
          SquadDataset.read(squad).toTraining(PromptTemplate.SQUAD, base.tokenizer());
      return LoraTrainer.builder(peft)
          .options(options)
          .listener(listener)
          .progressBar(false)
          .build()
          .train(dataset);
    }
  }
}
