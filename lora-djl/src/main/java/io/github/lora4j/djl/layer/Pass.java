package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.RandomStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One pass of a batch through a model: what every layer needs to know besides its input. It owns
 * the temporaries of the pass; {@link #nested()} opens a scope whose temporaries die with it.
 *
 * <p>A pass belongs to one thread. Any number of passes may run at once on one base.
 */
public final class Pass implements AutoCloseable {

  /** A segment, in tokens and in sequences. */
  record Range(AdapterWeights adapter, int start, int count, int firstRow, int rows) {}

  /** Neighbouring tokens that see the same tensors: one adapter's, or the bare base's. */
  record Run(@Nullable AdapterWeights adapter, int start, int count) {}

  private final NDManager manager;
  private final TokenBatch batch;
  private final AdapterRanges ranges;
  private final long dropoutSeed;
  private final @Nullable KeyValueCache cache;
  private final @Nullable DecodingStep step;
  private final @Nullable Pass outer;
  private final Map<Object, NDArray[]> shared;

  private Pass(
      NDManager manager,
      TokenBatch batch,
      AdapterRanges ranges,
      long dropoutSeed,
      @Nullable KeyValueCache cache,
      @Nullable DecodingStep step,
      @Nullable Pass outer) {
    this.manager = manager;
    this.batch = batch;
    this.ranges = ranges;
    this.dropoutSeed = dropoutSeed;
    this.cache = cache;
    this.step = step;
    this.outer = outer;
    this.shared = outer == null ? new HashMap<>() : outer.shared;
  }

  /**
   * A pass without dropout.
   *
   * @param parent manager of the model
   * @param batch the sequences
   * @param segments which rows see which adapter
   * @return the pass, to be closed
   */
  public static Pass inference(NDManager parent, TokenBatch batch, List<AdapterSegment> segments) {
    AdapterRanges ranges = AdapterRanges.acquire(parent, batch, segments, AdapterWeights::acquire);
    return new Pass(parent.newSubManager(), batch, ranges, NO_DROPOUT, null, null, null);
  }

  /**
   * A pass without dropout, of adapters that the caller has acquired for longer than the pass: that
   * they are closed or replaced meanwhile does not keep it from beginning.
   *
   * @param parent manager of the model
   * @param batch the sequences
   * @param segments which rows see which adapter
   * @return the pass, to be closed before the adapters are released
   */
  public static Pass held(NDManager parent, TokenBatch batch, List<AdapterSegment> segments) {
    AdapterRanges ranges =
        AdapterRanges.acquire(parent, batch, segments, AdapterWeights::acquireAgain);
    return new Pass(parent.newSubManager(), batch, ranges, NO_DROPOUT, null, null, null);
  }

  /**
   * A pass that reads and extends a cache: whole prompts if the cache is empty, else one token a
   * row.
   *
   * @param parent manager of the model
   * @param batch as many sequences as the cache has rows
   * @param segments which rows see which adapter; the caller has acquired the adapters for as long
   *     as the cache lives, so that closing one does not cut a text off. Their values are read when
   *     rows or adapters change, not at every token
   * @param cache what was seen before; the caller advances it after the pass
   * @return the pass, to be closed
   */
  public static Pass cached(
      NDManager parent, TokenBatch batch, List<AdapterSegment> segments, KeyValueCache cache) {
    return cached(parent, batch, segments, cache, true);
  }

  /** The same; without gathering, every segment is added by itself in every module and step. */
  static Pass cached(
      NDManager parent,
      TokenBatch batch,
      List<AdapterSegment> segments,
      KeyValueCache cache,
      boolean gather) {
    cache.checkTakes(batch);
    AdapterRanges ranges =
        AdapterRanges.acquire(parent, batch, segments, AdapterWeights::acquireAgain);
    NDManager manager = parent.newSubManager();
    DecodingStep step = null;
    if (!cache.isEmpty()) {
      boolean any = gather && !segments.isEmpty();
      step = new DecodingStep(manager, cache.lengths(), any ? cache.gathered(segments) : null);
    }
    return new Pass(manager, batch, ranges, NO_DROPOUT, cache, step, null);
  }

  /**
   * A pass with dropout, every sequence under one adapter.
   *
   * @param parent manager of the model
   * @param batch the sequences; taken unshared if the adapter drops out, since the masks of two
   *     sequences differ also where their tokens are the same
   * @param adapter the adapter being trained
   * @param dropoutSeed decides the masks; another for every pass of a run
   * @return the pass, to be closed
   */
  public static Pass training(
      NDManager parent, TokenBatch batch, AdapterWeights adapter, long dropoutSeed) {
    TokenBatch sequences = adapter.dropsOut() ? batch.unshared() : batch;
    List<AdapterSegment> all = List.of(new AdapterSegment(adapter, 0, batch.rows()));
    long seed = dropoutSeed == NO_DROPOUT ? 0 : dropoutSeed;
    AdapterRanges ranges = AdapterRanges.acquire(parent, sequences, all, AdapterWeights::acquire);
    return new Pass(parent.newSubManager(), sequences, ranges, seed, null, null, null);
  }

  private static final long NO_DROPOUT = Long.MIN_VALUE;

  /**
   * A scope inside this pass: arrays made in it are freed when it closes, unless {@link #lift}ed
   * out or kept on a tape.
   *
   * @return a pass over the same batch
   */
  public Pass nested() {
    return new Pass(manager.newSubManager(), batch, ranges, dropoutSeed, cache, step, this);
  }

  /**
   * Hands an array to the scope around this one.
   *
   * @param array made in this scope
   * @param outer the scope that shall own it
   * @return the array
   */
  public NDArray lift(NDArray array, Pass outer) {
    array.attach(outer.manager);
    return array;
  }

  /**
   * Whether a trained adapter of this pass has something below a path.
   *
   * @param prefix start of a path, e.g. {@code transformer.h.3.}
   * @return true if gradients have to reach that far
   */
  public boolean trains(String prefix) {
    return ranges.train(prefix);
  }

  /**
   * The sequences.
   *
   * @return the batch
   */
  public TokenBatch batch() {
    return batch;
  }

  /**
   * Owner of this scope's temporaries.
   *
   * @return the manager
   */
  public NDManager manager() {
    return manager;
  }

  @Nullable KeyValueCache cache() {
    return cache;
  }

  /** Null unless this pass adds one token to every row of a filled cache. */
  @Nullable DecodingStep step() {
    return step;
  }

  /** The adapters of all rows as one, null where every range is to be added by itself. */
  @Nullable GatheredAdapters gathered() {
    return step == null ? null : step.adapters();
  }

  List<Range> ranges() {
    return ranges.all();
  }

  /** The tokens of the whole batch, run by run. */
  List<Run> runs() {
    return ranges.runs(batch.size());
  }

  /** Whether an adapter of this pass brings a whole matrix in the place of one of the base. */
  boolean ownsMatrices() {
    return ranges.ownMatrices();
  }

  /** The adapter of a pass that has one for all tokens, else null. */
  @Nullable AdapterWeights only() {
    return ranges.only(batch.size());
  }

  /**
   * Whether the whole batch sees one and the same set of tensors, or has those of all rows gathered
   * to one: the fast case of every layer.
   */
  boolean isUniform() {
    return gathered() != null || ranges.all().isEmpty() || only() != null;
  }

  /** Probability that this pass drops an element of the input of a pair. */
  double dropout(LowRank pair) {
    return dropoutSeed == NO_DROPOUT ? 0 : pair.dropout();
  }

  /** A 32-bit seed for the mask of one module in this pass. */
  long dropoutSeed(String path) {
    return RandomStream.mix(dropoutSeed + path.hashCode() * 0x9E3779B97F4A7C15L) & 0xFFFFFFFFL;
  }

  /** What is made at its first use in a pass and serves all layers of it. */
  NDArray[] once(Object key, Function<NDManager, NDArray[]> make) {
    return shared.computeIfAbsent(key, missing -> make.apply(outermost().manager));
  }

  private Pass outermost() {
    return outer == null ? this : outer.outermost();
  }

  /** Where the tokens stand in their sequences, (N). */
  int[] positions() {
    return step == null ? batch.positions() : step.lengths();
  }

  /** How long the sequences of the tokens are with this pass, (N). */
  int[] lengthsOfTokens() {
    return step == null
        ? batch.lengthsOfTokens()
        : Arrays.stream(step.lengths()).map(length -> length + 1).toArray();
  }

  /**
   * Makes an array in this scope by a kernel.
   *
   * @param kernel its name
   * @param arguments arrays, numbers and lists of them
   * @return what it returns
   */
  public NDArray make(String kernel, Object... arguments) {
    return one(kernel, arguments);
  }

  NDArray one(String kernel, Object... arguments) {
    return Kernels.get().one(manager, kernel, arguments);
  }

  NDArray[] many(String kernel, Object... arguments) {
    return Kernels.get().many(manager, kernel, arguments);
  }

  @Override
  public void close() {
    manager.close();
    if (outer == null) {
      ranges.release();
    }
  }
}
