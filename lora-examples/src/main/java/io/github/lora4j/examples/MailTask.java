package io.github.lora4j.examples;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.Labels;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.TextDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.data.Truncation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** The second task: a short marketing e-mail from the name of a product and its description. */
final class MailTask {

  static final PromptTemplate TEMPLATE =
      PromptTemplate.of(
          "### PRODUCT\n{product}\n\n### DESCRIPTION\n{description}\n\n### EMAIL\n{email}</s>");

  private MailTask() {}

  static String prompt(String product, String description) {
    return TEMPLATE.prompt(Map.of("product", product, "description", description));
  }

  /** The records on the class path. */
  static Path embeddedRecords() throws IOException {
    return EmbeddedFiles.MAILS.directory().resolve("mails.jsonl");
  }

  /**
   * Trains a fresh mail adapter and saves it.
   *
   * @param run where its log, checkpoints and adapter go
   * @param records JSON lines with product, description and email
   * @param steps optimiser steps
   * @return the adapter's directory
   */
  static Path train(
      CausalLm base,
      TuningOptions tuning,
      ExampleDefaults defaults,
      TrainingRun run,
      Path records,
      int steps)
      throws IOException {
    run.check();
    int limit = tuning.maxTokens(defaults);
    TrainingDataset dataset =
        TextDataset.readJsonLines(records)
            .toTraining(
                Ending.of(TEMPLATE, base.tokenizer()),
                base.tokenizer(),
                Labels.ANSWER_ONLY,
                Truncation.skip(limit));
    if (dataset.size() == 0) {
      throw new LoraException(
          "%s: every e-mail is longer than %d tokens; give --max-tokens more"
              .formatted(records, limit));
    }
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, tuning.lora(defaults), tuning.seed())) {
      run.train(peft, tuning.training(defaults, steps, run.checkpoints()), dataset);
      Path adapter = run.save(peft);
      run.done();
      return adapter;
    }
  }
}
