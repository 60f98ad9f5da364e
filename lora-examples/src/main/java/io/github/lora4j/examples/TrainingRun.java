package io.github.lora4j.examples;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.train.JsonLinesLog;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.StopReason;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.djl.train.TrainingReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * A training that Ctrl-C ends after the step it is at, and that can be taken up again until it is
 * {@link #done}.
 *
 * @param output its adapter, log and checkpoints go here
 * @param resume whether to take up the run that was interrupted here
 * @param interruption tells of Ctrl-C
 * @param page where progress is told if there is no terminal for a bar
 */
record TrainingRun(Path output, boolean resume, Interruption interruption, Page page) {

  /** The option that takes a run up. */
  static final String RESUME = "--resume";

  /**
   * Makes the directory and refuses to mix two runs.
   *
   * @throws LoraException if an interrupted run waits here and shall not be taken up, or shall be
   *     and does not
   */
  void check() throws IOException {
    Files.createDirectories(output);
    if (waiting() && !resume) {
      throw new LoraException(
          "%s has checkpoints of a run that was not finished; add %s to take it up, or delete that"
                  .formatted(checkpoints(), RESUME)
              + " directory to start again");
    }
    if (!waiting() && resume) {
      throw new LoraException(
          "%s has no checkpoint to take up; start without %s".formatted(checkpoints(), RESUME));
    }
  }

  /** A second training of the same command: taken up or started again together with this one. */
  TrainingRun second(String name) throws IOException {
    Path below = output.resolve(name);
    boolean waiting = new TrainingRun(below, resume, interruption, page).waiting();
    TrainingRun second = new TrainingRun(below, resume && waiting, interruption, page);
    if (!second.resume) {
      second.done();
    }
    return second;
  }

  /** Trains, with a progress bar on a terminal. Returns when all steps are taken. */
  TrainingReport train(PeftModel<CausalLm> peft, TrainingOptions options, TrainingDataset dataset)
      throws IOException {
    try (JsonLinesLog log = resume ? JsonLinesLog.append(log()) : JsonLinesLog.create(log())) {
      LoraTrainer.Builder builder = LoraTrainer.builder(peft).options(options).listener(log);
      if (!builder.drawsProgressBar()) {
        builder.listener(new StepLines(options.maxSteps(), page));
      }
      if (resume) {
        builder.resumeFrom(checkpoints());
      }
      LoraTrainer trainer = builder.build();
      return interruption.finish(trainer::stop, () -> train(trainer, options, dataset));
    }
  }

  private TrainingReport train(
      LoraTrainer trainer, TrainingOptions options, TrainingDataset dataset) throws IOException {
    TrainingReport report = trainer.train(dataset);
    String goesOn =
        report.lastCheckpoint().isPresent()
            ? "the same command with " + RESUME + " goes on"
            : "nothing was kept";
    interruption.lastWords(
        report.stopReason() == StopReason.STOPPED
            ? "stopped after step %d of %d; %s"
                .formatted(report.steps().size(), options.maxSteps(), goesOn)
            : "interrupted; " + goesOn);
    return report;
  }

  /** Saves the adapter, whole even if interrupted. */
  Path save(PeftModel<CausalLm> peft) throws IOException {
    Path adapter = output.resolve("adapter");
    return interruption.finish(
        () -> {},
        () -> {
          peft.save(adapter);
          return adapter;
        });
  }

  Path checkpoints() {
    return output.resolve("checkpoints");
  }

  Path log() {
    return output.resolve("log.jsonl");
  }

  private boolean waiting() throws IOException {
    if (!Files.isDirectory(checkpoints())) {
      return false;
    }
    try (Stream<Path> found = Files.list(checkpoints())) {
      return found.anyMatch(path -> path.getFileName().toString().startsWith("checkpoint-"));
    }
  }

  /** Deletes the checkpoints: all that was wanted of them is done. */
  void done() throws IOException {
    if (!Files.exists(checkpoints())) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> found = Files.walk(checkpoints())) {
      deepestFirst = found.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : deepestFirst) {
      Files.delete(path);
    }
  }
}
