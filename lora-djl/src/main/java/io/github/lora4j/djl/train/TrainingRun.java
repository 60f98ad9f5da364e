package io.github.lora4j.djl.train;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * The course of one training: steps, evaluations, checkpoints, and the reasons to end. Evaluations
 * come before the checkpoint of the same step, so that its state knows of them.
 */
final class TrainingRun {

  private final PeftModel<CausalLm> peft;
  private final StepPlan plan;
  private final StepRunner runner;
  private final AdamW optimizer;
  private final RunIdentity identity;
  private final Optional<Validation> validation;
  private final Optional<Checkpoints> checkpoints;
  private final List<TrainingListener> listeners;
  private final BooleanSupplier stopped;

  private final List<TrainingStep> steps = new ArrayList<>();
  private final List<Evaluation> evaluations = new ArrayList<>();
  private int step;
  private Evaluation best = TrainingState.NONE;
  private int sinceBest;
  private Optional<Path> lastCheckpoint = Optional.empty();
  private Optional<Path> bestCheckpoint = Optional.empty();
  private boolean interrupted;

  TrainingRun(
      PeftModel<CausalLm> peft,
      StepPlan plan,
      StepRunner runner,
      AdamW optimizer,
      RunIdentity identity,
      Optional<Validation> validation,
      List<TrainingListener> listeners,
      BooleanSupplier stopped) {
    this.peft = peft;
    this.plan = plan;
    this.runner = runner;
    this.optimizer = optimizer;
    this.identity = identity;
    this.validation = validation;
    this.checkpoints = plan.options().checkpointDirectory().map(Checkpoints::new);
    this.listeners = new ArrayList<>(listeners);
    this.stopped = stopped;
  }

  /**
   * Prepares the checkpoint directory and puts the run where a checkpoint left it. The adapter is
   * written last: if anything is refused, it is as it was.
   */
  void begin(Optional<RestoredRun> restored) throws IOException {
    if (checkpoints.isPresent()) {
      checkpoints.get().prepare(restored.map(RestoredRun::directory));
    }
    if (restored.isPresent()) {
      restore(restored.get());
    }
  }

  private void restore(RestoredRun restored) {
    TrainingState state = restored.state();
    optimizer.restore(restored.moments());
    runner.restore(state.lossScale());
    peft.model().adapter().orElseThrow().write(restored.values());
    steps.addAll(state.steps());
    evaluations.addAll(state.evaluations());
    step = state.step();
    best = state.best();
    sinceBest = state.sinceBest();
    lastCheckpoint = Optional.of(restored.directory());
    bestCheckpoint = restored.bestCheckpoint();
  }

  int step() {
    return step;
  }

  void addListener(TrainingListener listener) {
    listeners.add(listener);
  }

  /** Runs to an end. An interrupt of the thread is noted, kept away from files, and set again. */
  TrainingReport run() throws IOException {
    try {
      StopReason reason = loop();
      writeCheckpoint(); // of the end or the stop, unless the loop has just written one
      if (plan.options().loadBestAtEnd() && reason != StopReason.STOPPED) {
        loadBest();
      }
      return new TrainingReport(steps, evaluations, reason, lastCheckpoint, bestCheckpoint);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private StopReason loop() throws IOException {
    AdapterWatch watch = new AdapterWatch(peft.model().adapter().orElseThrow(), step);
    while (true) {
      if (step >= plan.totalSteps()) {
        return StopReason.COMPLETED;
      }
      if (patienceEnded()) {
        return StopReason.EARLY_STOPPED;
      }
      if (stopWanted()) {
        return StopReason.STOPPED;
      }
      TrainingStep record = runner.take(step + 1);
      step++;
      steps.add(record);
      watch.after(record);
      for (TrainingListener listener : listeners) {
        listener.onStep(record);
      }
      boolean newBest = evaluationDue() && evaluate();
      if (newBest || checkpointDue()) {
        writeCheckpoint();
      }
    }
  }

  private boolean stopWanted() {
    interrupted |= Thread.interrupted();
    return interrupted || stopped.getAsBoolean();
  }

  private boolean patienceEnded() {
    int patience = plan.options().earlyStoppingPatience();
    return patience > 0 && sinceBest >= patience;
  }

  private boolean evaluationDue() {
    int every = plan.options().evaluateEvery();
    boolean regular = every > 0 ? step % every == 0 : plan.endsEpoch(step);
    return validation.isPresent() && (regular || step == plan.totalSteps());
  }

  /** Whether the evaluation is the best so far. */
  private boolean evaluate() throws IOException {
    double loss = validation.orElseThrow().loss(peft.model());
    if (!Double.isFinite(loss)) {
      throw new LoraException(
          "the validation loss after step %d is %s; lower the learning rate".formatted(step, loss));
    }
    Evaluation evaluation = new Evaluation(step, plan.epochAfter(step), loss);
    evaluations.add(evaluation);
    boolean better = loss < best.loss();
    sinceBest = better ? 0 : sinceBest + 1;
    best = better ? evaluation : best;
    for (TrainingListener listener : listeners) {
      listener.onEvaluation(evaluation);
    }
    return better;
  }

  private boolean checkpointDue() {
    int every = plan.options().checkpointEvery();
    return every > 0 && step % every == 0;
  }

  private void writeCheckpoint() throws IOException {
    if (checkpoints.isEmpty() || lastCheckpoint.equals(Optional.of(checkpoints.get().of(step)))) {
      return;
    }
    TrainingState state =
        new TrainingState(identity, step, best, sinceBest, runner.lossScale(), steps, evaluations);
    Path written = write(checkpoints.get(), state);
    lastCheckpoint = Optional.of(written);
    if (best.step() == step && !best.equals(TrainingState.NONE)) {
      bestCheckpoint = lastCheckpoint;
    }
    List<Path> needed = new ArrayList<>(List.of(written));
    bestCheckpoint.ifPresent(needed::add);
    checkpoints.get().prune(plan.options().keepCheckpoints(), needed);
    for (TrainingListener listener : listeners) {
      listener.onCheckpoint(step, written);
    }
  }

  private Path write(Checkpoints directory, TrainingState state) throws IOException {
    interrupted |= Thread.interrupted();
    try {
      return directory.write(peft, optimizer.moments(), state);
    } catch (ClosedByInterruptException e) {
      interrupted |= Thread.interrupted(); // it came while writing: once more, in peace
      return directory.write(peft, optimizer.moments(), state);
    }
  }

  private void loadBest() throws IOException {
    if (bestCheckpoint.isPresent()) {
      peft.model().adapter().orElseThrow().write(peft.readTensors(bestCheckpoint.get()));
    }
  }
}
