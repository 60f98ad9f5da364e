package io.github.lora4j.djl.train;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.spi.TargetModule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * Trains the adapter of a view; the base never changes. Losses, gradient norms and learning rates
 * are those of Hugging Face's Trainer with the same options.
 *
 * <pre>{@code
 * TrainingReport report = LoraTrainer.builder(peft)
 *     .options(TrainingOptions.builder().maxSteps(100).warmupSteps(10).learningRate(1e-3).build())
 *     .build().train(dataset);
 * peft.save(Path.of("squad"));
 * }</pre>
 *
 * <p>The same options, data and initial adapter give the same bits on the same machine, and so does
 * a run that was interrupted and resumed. Any number of trainings of different adapters may share
 * one base on different threads.
 *
 * <p>Where the layers compute in fp16, which is on a GPU, the loss is scaled as by torch's
 * GradScaler, and steps may be {@linkplain TrainingStep#skipped() skipped}.
 *
 * @since 0.1.0
 */
public final class LoraTrainer {

  /** Adapters have one buffer of gradients: a second training of one would add to it. */
  private static final Set<AdapterWeights> IN_TRAINING = ConcurrentHashMap.newKeySet();

  private final PeftModel<CausalLm> peft;
  private final TrainingOptions options;
  private final Optional<TrainingDataset> validation;
  private final List<TrainingListener> listeners;
  private final boolean progressBar;
  private final Optional<Path> resumeFrom;
  private final AtomicBoolean stopped = new AtomicBoolean();

  private LoraTrainer(Builder builder) {
    this.peft = builder.peft;
    this.options = builder.options;
    this.validation = builder.validation;
    this.listeners = List.copyOf(builder.listeners);
    this.progressBar = builder.progressBar;
    this.resumeFrom = builder.resumeFrom;
  }

  /**
   * Starts from the default options.
   *
   * @param peft the view to train; it stays the caller's to save and to close
   * @return a builder
   */
  public static Builder builder(PeftModel<CausalLm> peft) {
    return new Builder(peft);
  }

  /**
   * Trains on the calling thread until all steps are taken, the patience ends, {@link #stop()} is
   * called or the thread interrupted; an interrupt is still set afterwards. If an exception ends
   * the training, the adapter has the values of the last step that was completed.
   *
   * @param dataset tokenised examples; read once before the first step, to check them
   * @return what happened
   * @throws IOException if a checkpoint cannot be written or the one to resume from not be read
   * @throws IllegalArgumentException if the dataset is empty, has no labels or an id outside the
   *     vocabulary
   * @throws IllegalStateException if the adapter was loaded for inference, is closed, or is being
   *     trained already
   * @throws io.github.lora4j.LoraException if the loss is not finite, or the gradients are not and
   *     no smaller scale of the loss may help, no tensor of the adapter moves, the checkpoint to
   *     resume from belongs to another run, or a step would exceed the base's memory budget
   */
  public TrainingReport train(TrainingDataset dataset) throws IOException {
    AdapterWeights adapter = requireTrainable();
    if (!IN_TRAINING.add(adapter)) {
      throw new IllegalStateException("this adapter is being trained already, by another call");
    }
    try {
      return run(dataset, adapter);
    } finally {
      IN_TRAINING.remove(adapter);
      stopped.set(false);
    }
  }

  private AdapterWeights requireTrainable() {
    AdapterWeights adapter = peft.model().adapter().orElseThrow();
    if (!peft.trainable() || adapter.names().isEmpty()) {
      throw new IllegalStateException(
          "nothing is trainable: the adapter was loaded for inference; load it by"
              + " PeftModel.fromPretrained(base, directory, true)");
    }
    if (adapter.nativeBytes() == 0) {
      throw new IllegalStateException(
          "the view is closed; wrap the base or load the adapter again");
    }
    return adapter;
  }

  private TrainingReport run(TrainingDataset dataset, AdapterWeights adapter) throws IOException {
    Decoder decoder = peft.model().decoder();
    int vocabulary = peft.model().vocabulary();
    DataSurvey survey = DataSurvey.of("dataset", dataset, vocabulary);
    Optional<DataSurvey> validationSurvey =
        validation.map(set -> DataSurvey.of("validation set", set, vocabulary));
    LayerBudget memory = LayerBudget.of(peft, options.recompute());
    memory.requireFits(survey, options.batchSize());
    StepPlan plan = new StepPlan(survey.examples(), options);
    RunIdentity identity = RunIdentity.of(plan, decoder, adapter, survey, validationSurvey);
    try (AdamW optimizer = new AdamW(adapter, embeddings(), options, decoder.manager())) {
      TrainingRun run =
          new TrainingRun(
              peft,
              plan,
              new StepRunner(
                  decoder,
                  adapter,
                  optimizer,
                  plan,
                  memory,
                  WindowReader.of(plan, dataset, survey, adapter)),
              optimizer,
              identity,
              validation.map(
                  set -> new Validation(set, options.batchSize(), options.sharePassages())),
              listeners,
              stopped::get);
      run.begin(
          resumeFrom.isPresent()
              ? Optional.of(RestoredRun.read(resumeFrom.get(), peft, identity))
              : Optional.empty());
      return progressBar ? runWithBar(run, plan) : run.run();
    }
  }

  private static TrainingReport runWithBar(TrainingRun run, StepPlan plan) throws IOException {
    ProgressBar bar = new ProgressBar(System.out, System::nanoTime, run.step(), plan.totalSteps());
    run.addListener(bar);
    try {
      return run.run();
    } finally {
      bar.end();
    }
  }

  /**
   * Ends the running {@link #train} after its current step, with a checkpoint if a checkpoint
   * directory is set; without one running, the next ends before its first step. May be called from
   * any thread, also from a shutdown hook, and returns at once.
   */
  public void stop() {
    stopped.set(true);
  }

  private Set<String> embeddings() {
    return peft.plan().tree().modules().stream()
        .filter(module -> module.kind() == TargetModule.Kind.EMBEDDING)
        .map(TargetModule::path)
        .collect(Collectors.toSet());
  }

  /** Collects what a training needs. */
  public static final class Builder {
    private final PeftModel<CausalLm> peft;
    private TrainingOptions options = TrainingOptions.builder().build();
    private Optional<TrainingDataset> validation = Optional.empty();
    private final List<TrainingListener> listeners = new ArrayList<>();
    private boolean progressBar = ProgressBar.terminal();
    private Optional<Path> resumeFrom = Optional.empty();

    private Builder(PeftModel<CausalLm> peft) {
      this.peft = Objects.requireNonNull(peft, "peft");
    }

    /**
     * Sets how to train; the defaults of {@link TrainingOptions} if not called.
     *
     * @param options all settings
     * @return this
     */
    public Builder options(TrainingOptions options) {
      this.options = Objects.requireNonNull(options, "options");
      return this;
    }

    /**
     * Sets the examples to evaluate on, see {@link TrainingOptions#evaluateEvery()}; none if not
     * called.
     *
     * @param validation tokenised examples that are not trained on
     * @return this
     */
    public Builder validation(TrainingDataset validation) {
      this.validation = Optional.of(validation);
      return this;
    }

    /**
     * Adds somebody to be told of steps, evaluations and checkpoints.
     *
     * @param listener called on the thread that trains, in the order of adding
     * @return this
     */
    public Builder listener(TrainingListener listener) {
      listeners.add(Objects.requireNonNull(listener, "listener"));
      return this;
    }

    /**
     * Sets whether to draw a progress bar on the standard output; if not called, when that is a
     * terminal.
     *
     * @param progressBar true to draw one, false for silence
     * @return this
     */
    public Builder progressBar(boolean progressBar) {
      this.progressBar = progressBar;
      return this;
    }

    /**
     * Whether a progress bar will be drawn, e.g. to tell of progress in another way if not.
     *
     * @return what was set, or whether the standard output is a terminal
     */
    public boolean drawsProgressBar() {
      return progressBar;
    }

    /**
     * Continues an earlier run as if it had never ended: weights, optimiser, schedule, order of the
     * data and dropout masks are those of an uninterrupted one, bit for bit. The options that
     * decide the numbers, the adapter's configuration and the data must be the same.
     *
     * @param checkpoint a {@code checkpoint-N} directory, or the directory of checkpoints, whose
     *     newest is taken
     * @return this
     */
    public Builder resumeFrom(Path checkpoint) {
      this.resumeFrom = Optional.of(checkpoint);
      return this;
    }

    /**
     * Checks that the parts fit.
     *
     * @return a trainer
     * @throws IllegalArgumentException if early stopping or the best checkpoint is asked for
     *     without a validation set
     */
    public LoraTrainer build() {
      if (validation.isEmpty() && options.earlyStoppingPatience() > 0) {
        throw new IllegalArgumentException(
            "earlyStoppingPatience needs a validation set: call validation(dataset)");
      }
      if (validation.isEmpty() && options.loadBestAtEnd()) {
        throw new IllegalArgumentException(
            "loadBestAtEnd needs a validation set: call validation(dataset)");
      }
      return new LoraTrainer(this);
    }
  }
}
