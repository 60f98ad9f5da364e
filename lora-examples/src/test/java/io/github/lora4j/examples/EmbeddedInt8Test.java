package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.data.Labels;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.TextDataset;
import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.data.Truncation;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What int8 costs a model that has learnt something, where a random one has nothing to lose. */
final class EmbeddedInt8Test {

  private static final int EXAMPLES = 24;

  @Test
  void lossesOfBaseAndAdapterHardlyMove() throws IOException {
    double[] full = losses(Precision.FP32);
    double[] int8 = losses(Precision.INT8);

    for (int i = 0; i < full.length; i++) {
      assertThat(int8[i]).isCloseTo(full[i], within(0.02 * full[i])).isNotEqualTo(full[i]);
    }
  }

  /** Nats a token: passages and questions under the base, e-mails under their adapter. */
  private static double[] losses(Precision precision) throws IOException {
    try (CausalLm base =
            CausalLm.load(
                EmbeddedFiles.BASE.directory(),
                LoadOptions.builder().precision(precision).build());
        PeftModel<CausalLm> mail =
            PeftModel.fromPretrained(base, EmbeddedFiles.MAIL_ADAPTER.directory())) {
      TrainingDataset questions =
          SquadSplit.embedded(EXAMPLES, 1)
              .heldOut()
              .toTraining(PromptTemplate.SQUAD, base.tokenizer());
      TrainingDataset mails =
          TextDataset.readJsonLines(MailTask.embeddedRecords())
              .toTraining(
                  MailTask.TEMPLATE, base.tokenizer(), Labels.ANSWER_ONLY, Truncation.skip(512));
      return new double[] {loss(base, questions), loss(mail.model(), mails)};
    }
  }

  private static double loss(CausalLm model, TrainingDataset dataset) {
    double sum = 0;
    long labels = 0;
    for (int i = 0; i < Math.min(EXAMPLES, dataset.size()); i++) {
      TokenExample example = dataset.get(i);
      TokenBatch batch = TokenBatch.of(List.of(example.tokens()), List.of(example.labels()));
      try (Pass pass = Pass.inference(model.decoder().manager(), batch, model.segments(1))) {
        sum += model.decoder().loss(pass, 1);
      }
      labels += batch.labelCount();
    }
    return sum / labels;
  }
}
