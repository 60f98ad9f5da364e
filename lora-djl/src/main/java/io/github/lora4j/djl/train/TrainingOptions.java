package io.github.lora4j.djl.train;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * How to train; names, meanings and defaults are those of Hugging Face's Trainer.
 *
 * <pre>{@code
 * TrainingOptions.builder().batchSize(4).gradientAccumulation(4)
 *     .maxSteps(100).warmupSteps(10).learningRate(1e-3).seed(42).build()
 * }</pre>
 *
 * @param batchSize examples in one forward and backward pass
 * @param gradientAccumulation passes whose gradients make one optimiser step; the loss is divided
 *     by the labels of all of them together
 * @param maxSteps optimiser steps of the run; 0 lets {@code epochs} decide
 * @param epochs passes over the data where {@code maxSteps} is 0; may have a fraction
 * @param learningRate highest learning rate
 * @param loraPlusRatio how many times the learning rate of A that of B, of magnitudes and of biases
 *     is (LoRA+); 1 for one rate of all
 * @param loraPlusEmbeddingRate learning rate of pairs beside embeddings where {@code loraPlusRatio}
 *     is not 1
 * @param warmupSteps steps over which the learning rate rises from 0; where 0, {@code warmupRatio}
 *     decides
 * @param warmupRatio part of all steps that is warmup, rounded up to whole steps
 * @param schedule course of the learning rate
 * @param weightDecay decoupled decay of A and B; biases do not decay
 * @param beta1 AdamW's memory of the gradient
 * @param beta2 AdamW's memory of the squared gradient
 * @param epsilon what AdamW adds to the root of the second moment
 * @param maxGradNorm norm that the gradients of a step are scaled down to; 0 turns clipping off
 * @param seed decides the order of the data and the dropout masks
 * @param shuffle whether every epoch has an order of its own
 * @param recompute which layers are computed again in the backward pass instead of kept; the
 *     gradients are the same to the bit
 * @param sharePassages whether examples that begin with the same tokens, as questions on one
 *     passage do, are kept in the same accumulated batch and these tokens computed once. Loss and
 *     gradients of a batch stay the same, but for rounding; which examples meet in a batch does
 *     not. The batch is cut into passes anew, none with more tokens than an ordinary one would
 *     have. Only for adapters with dropout 0; others are trained in this order, but share nothing
 * @param groupByLength whether examples of like length are put together, as by Hugging Face's
 *     {@code group_by_length}: passes of even size, and the longest example first. There is no
 *     padding to save. Not with {@code sharePassages}
 * @param evaluateEvery steps between evaluations; 0 evaluates after every epoch. Only with a
 *     validation set; the last step is always followed by an evaluation
 * @param earlyStoppingPatience evaluations without a lower loss after which the training ends; 0
 *     turns this off
 * @param loadBestAtEnd whether the adapter gets the values of the best checkpoint when the training
 *     has completed or was stopped early
 * @param checkpointDirectory where {@code checkpoint-N} directories are written; none are if empty
 * @param checkpointEvery steps between checkpoints; with 0 there are only those of a new best
 *     evaluation, of a stop and of the end, which are written in any case
 * @param keepCheckpoints how many checkpoints are left standing, the best and the last never being
 *     deleted; 0 keeps all
 * @since 0.1.0
 */
public record TrainingOptions(
    int batchSize,
    int gradientAccumulation,
    int maxSteps,
    double epochs,
    double learningRate,
    double loraPlusRatio,
    double loraPlusEmbeddingRate,
    int warmupSteps,
    double warmupRatio,
    Schedule schedule,
    double weightDecay,
    double beta1,
    double beta2,
    double epsilon,
    double maxGradNorm,
    long seed,
    boolean shuffle,
    Recompute recompute,
    boolean sharePassages,
    boolean groupByLength,
    int evaluateEvery,
    int earlyStoppingPatience,
    boolean loadBestAtEnd,
    Optional<Path> checkpointDirectory,
    int checkpointEvery,
    int keepCheckpoints) {

  /** Checks all values; one exception names everything that is wrong. */
  public TrainingOptions {
    Objects.requireNonNull(schedule, "schedule");
    Objects.requireNonNull(recompute, "recompute");
    Objects.requireNonNull(checkpointDirectory, "checkpointDirectory");
    OptionChecks checks = new OptionChecks();
    checks.atLeast("batchSize", batchSize, 1);
    checks.atLeast("gradientAccumulation", gradientAccumulation, 1);
    checks.atLeast("maxSteps", maxSteps, 0);
    checks.positive("epochs", epochs);
    checks.positive("learningRate", learningRate);
    checks.positive("loraPlusRatio", loraPlusRatio);
    checks.positive("loraPlusEmbeddingRate", loraPlusEmbeddingRate);
    checks.atLeast("warmupSteps", warmupSteps, 0);
    checks.check("warmupRatio", warmupRatio, warmupRatio >= 0 && warmupRatio <= 1, "from 0 to 1");
    checks.notNegative("weightDecay", weightDecay);
    checks.belowOne("beta1", beta1);
    checks.belowOne("beta2", beta2);
    checks.notNegative("epsilon", epsilon);
    checks.notNegative("maxGradNorm", maxGradNorm);
    checks.notBoth("sharePassages", sharePassages, "groupByLength", groupByLength);
    checks.atLeast("evaluateEvery", evaluateEvery, 0);
    checks.atLeast("earlyStoppingPatience", earlyStoppingPatience, 0);
    checks.atLeast("checkpointEvery", checkpointEvery, 0);
    checks.atLeast("keepCheckpoints", keepCheckpoints, 0);
    if (checkpointDirectory.isEmpty()) {
      checks.needsDirectory("loadBestAtEnd", loadBestAtEnd);
      checks.needsDirectory("checkpointEvery", checkpointEvery > 0);
      checks.needsDirectory("keepCheckpoints", keepCheckpoints > 0);
    }
    checks.throwIfAny();
  }

  /**
   * Starts from the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects options; {@link #build} checks them all at once. */
  public static final class Builder {
    private int batchSize = 8;
    private int gradientAccumulation = 1;
    private int maxSteps;
    private double epochs = 3;
    private double learningRate = 5e-5;
    private double loraPlusRatio = 1;
    private double loraPlusEmbeddingRate = 1e-6;
    private int warmupSteps;
    private double warmupRatio;
    private Schedule schedule = Schedule.LINEAR;
    private double weightDecay;
    private double beta1 = 0.9;
    private double beta2 = 0.999;
    private double epsilon = 1e-8;
    private double maxGradNorm = 1;
    private long seed = 42;
    private boolean shuffle = true;
    private Recompute recompute = Recompute.AUTO;
    private boolean sharePassages;
    private boolean groupByLength;
    private int evaluateEvery;
    private int earlyStoppingPatience;
    private boolean loadBestAtEnd;
    private Optional<Path> checkpointDirectory = Optional.empty();
    private int checkpointEvery;
    private int keepCheckpoints;

    private Builder() {}

    /**
     * Sets the examples of one pass; 8 if not called.
     *
     * @param batchSize at least 1
     * @return this
     */
    public Builder batchSize(int batchSize) {
      this.batchSize = batchSize;
      return this;
    }

    /**
     * Sets the passes of one optimiser step; 1 if not called.
     *
     * @param gradientAccumulation at least 1
     * @return this
     */
    public Builder gradientAccumulation(int gradientAccumulation) {
      this.gradientAccumulation = gradientAccumulation;
      return this;
    }

    /**
     * Sets the optimiser steps of the run, whatever the epochs; 0, by epochs, if not called.
     *
     * @param maxSteps steps
     * @return this
     */
    public Builder maxSteps(int maxSteps) {
      this.maxSteps = maxSteps;
      return this;
    }

    /**
     * Sets the passes over the data; 3 if not called.
     *
     * @param epochs more than 0, e.g. 1.5
     * @return this
     */
    public Builder epochs(double epochs) {
      this.epochs = epochs;
      return this;
    }

    /**
     * Sets the highest learning rate; 5e-5 if not called.
     *
     * @param learningRate more than 0
     * @return this
     */
    public Builder learningRate(double learningRate) {
      this.learningRate = learningRate;
      return this;
    }

    /**
     * Chooses LoRA+: B, which starts at zero, learns faster than A. Magnitudes and biases have B's
     * rate. All rates follow the schedule. 1, the same rate for all, if not called.
     *
     * @param loraPlusRatio rate of B over that of A, more than 0; 16 in the paper
     * @return this
     * @see <a href="https://arxiv.org/abs/2402.12354">Hayou et al. 2024</a>
     */
    public Builder loraPlusRatio(double loraPlusRatio) {
      this.loraPlusRatio = loraPlusRatio;
      return this;
    }

    /**
     * Sets the learning rate of pairs beside embeddings under LoRA+; 1e-6, as in PEFT, if not
     * called.
     *
     * @param loraPlusEmbeddingRate more than 0
     * @return this
     */
    public Builder loraPlusEmbeddingRate(double loraPlusEmbeddingRate) {
      this.loraPlusEmbeddingRate = loraPlusEmbeddingRate;
      return this;
    }

    /**
     * Sets the length of the warmup; none if not called.
     *
     * @param warmupSteps steps
     * @return this
     */
    public Builder warmupSteps(int warmupSteps) {
      this.warmupSteps = warmupSteps;
      return this;
    }

    /**
     * Sets the length of the warmup as a part of all steps; 0 if not called.
     *
     * @param warmupRatio 0 to 1
     * @return this
     */
    public Builder warmupRatio(double warmupRatio) {
      this.warmupRatio = warmupRatio;
      return this;
    }

    /**
     * Sets the course of the learning rate; linear if not called.
     *
     * @param schedule course
     * @return this
     */
    public Builder schedule(Schedule schedule) {
      this.schedule = schedule;
      return this;
    }

    /**
     * Sets the weight decay of A and B; 0 if not called. Biases do not decay.
     *
     * @param weightDecay at least 0
     * @return this
     */
    public Builder weightDecay(double weightDecay) {
      this.weightDecay = weightDecay;
      return this;
    }

    /**
     * Sets AdamW's memory of the gradient; 0.9 if not called.
     *
     * @param beta1 0 to below 1
     * @return this
     */
    public Builder beta1(double beta1) {
      this.beta1 = beta1;
      return this;
    }

    /**
     * Sets AdamW's memory of the squared gradient; 0.999 if not called.
     *
     * @param beta2 0 to below 1
     * @return this
     */
    public Builder beta2(double beta2) {
      this.beta2 = beta2;
      return this;
    }

    /**
     * Sets what AdamW adds to the root of the second moment; 1e-8 if not called.
     *
     * @param epsilon at least 0
     * @return this
     */
    public Builder epsilon(double epsilon) {
      this.epsilon = epsilon;
      return this;
    }

    /**
     * Sets the norm that gradients are scaled down to; 1 if not called.
     *
     * @param maxGradNorm norm; 0 for no clipping
     * @return this
     */
    public Builder maxGradNorm(double maxGradNorm) {
      this.maxGradNorm = maxGradNorm;
      return this;
    }

    /**
     * Sets the seed of the data order and of dropout; 42 if not called.
     *
     * @param seed any number
     * @return this
     */
    public Builder seed(long seed) {
      this.seed = seed;
      return this;
    }

    /**
     * Sets whether every epoch has an order of its own; true if not called.
     *
     * @param shuffle false for the order of the dataset
     * @return this
     */
    public Builder shuffle(boolean shuffle) {
      this.shuffle = shuffle;
      return this;
    }

    /**
     * Sets whether layers are computed again in the backward pass instead of kept; false if not
     * called.
     *
     * @param recompute true to save memory
     * @return this
     */
    public Builder recompute(boolean recompute) {
      return recompute(recompute ? Recompute.ON : Recompute.OFF);
    }

    /**
     * Sets which layers are computed again in the backward pass; automatic if not called.
     *
     * @param recompute on, off, or as memory allows
     * @return this
     */
    public Builder recompute(Recompute recompute) {
      this.recompute = recompute;
      return this;
    }

    /**
     * Sets whether what several examples begin with is computed once; false if not called.
     *
     * @param sharePassages true for questions on passages; needs an adapter with dropout 0
     * @return this
     */
    public Builder sharePassages(boolean sharePassages) {
      this.sharePassages = sharePassages;
      return this;
    }

    /**
     * Sets whether examples of like length are put together; false if not called.
     *
     * @param groupByLength true for passes of even size
     * @return this
     */
    public Builder groupByLength(boolean groupByLength) {
      this.groupByLength = groupByLength;
      return this;
    }

    /**
     * Sets the steps between evaluations; after every epoch if not called.
     *
     * @param evaluateEvery steps
     * @return this
     */
    public Builder evaluateEvery(int evaluateEvery) {
      this.evaluateEvery = evaluateEvery;
      return this;
    }

    /**
     * Sets the evaluations without a lower loss after which the training ends; off if not called.
     *
     * @param earlyStoppingPatience evaluations
     * @return this
     */
    public Builder earlyStoppingPatience(int earlyStoppingPatience) {
      this.earlyStoppingPatience = earlyStoppingPatience;
      return this;
    }

    /**
     * Sets whether the adapter gets the values of the best checkpoint in the end; false if not
     * called.
     *
     * @param loadBestAtEnd needs a checkpoint directory and a validation set
     * @return this
     */
    public Builder loadBestAtEnd(boolean loadBestAtEnd) {
      this.loadBestAtEnd = loadBestAtEnd;
      return this;
    }

    /**
     * Sets where checkpoints are written; none are if not called.
     *
     * @param checkpointDirectory made if it is not there
     * @return this
     */
    public Builder checkpointDirectory(Path checkpointDirectory) {
      this.checkpointDirectory = Optional.of(checkpointDirectory);
      return this;
    }

    /**
     * Sets the steps between checkpoints; only at a new best, a stop and the end if not called.
     *
     * @param checkpointEvery steps
     * @return this
     */
    public Builder checkpointEvery(int checkpointEvery) {
      this.checkpointEvery = checkpointEvery;
      return this;
    }

    /**
     * Sets how many checkpoints are left standing; all if not called.
     *
     * @param keepCheckpoints count
     * @return this
     */
    public Builder keepCheckpoints(int keepCheckpoints) {
      this.keepCheckpoints = keepCheckpoints;
      return this;
    }

    /**
     * Checks the options.
     *
     * @return the options
     * @throws IllegalArgumentException naming everything that is wrong
     */
    public TrainingOptions build() {
      return new TrainingOptions(
          batchSize,
          gradientAccumulation,
          maxSteps,
          epochs,
          learningRate,
          loraPlusRatio,
          loraPlusEmbeddingRate,
          warmupSteps,
          warmupRatio,
          schedule,
          weightDecay,
          beta1,
          beta2,
          epsilon,
          maxGradNorm,
          seed,
          shuffle,
          recompute,
          sharePassages,
          groupByLength,
          evaluateEvery,
          earlyStoppingPatience,
          loadBestAtEnd,
          checkpointDirectory,
          checkpointEvery,
          keepCheckpoints);
    }
  }
}
