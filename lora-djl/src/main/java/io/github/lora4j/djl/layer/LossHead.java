package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Kernels;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The last norm, the frozen map onto the vocabulary, and the cross-entropy. Only positions that
 * carry a label reach the vocabulary, {@value #CHUNK} of them at a time, and their logits never
 * exist as a whole: a block of the vocabulary is scored, added to the loss and the gradient, and
 * dropped. For BLOOM's 250,880 words the full logits would dwarf the model.
 *
 * <p>An adapter may put a low-rank pair beside the map, or bring a matrix of its own, of another
 * vocabulary too. Where one is trained the vocabulary is swept twice. A pair of DoRA scales the
 * logits of the words besides.
 */
public final class LossHead {

  /** Rows of one sweep over the vocabulary. */
  public static final int CHUNK = 4096;

  /** Words of the vocabulary scored at a time. */
  public static final int BLOCK = 2048;

  /** Rows so few that a block of so many words is scored before the threads have met. */
  private static final int FEW_ROWS = 64;

  private static final String WEIGHT = ".weight";
  private static final String BIAS = ".bias";
  private static final NDArray[] NONE = {};

  private final @Nullable Normalisation norm;
  private final WordMap words;
  private final String path;
  private final @Nullable String tiedTo;
  private final double cap;
  private final int chunk;

  /**
   * A head.
   *
   * @param norm the model's last norm, null for none
   * @param weight (V, D)
   * @param path its path in the module tree
   * @param tiedTo path of the embedding whose table the weight is, null if it is a matrix of its
   *     own
   */
  public LossHead(
      @Nullable Normalisation norm, FrozenMatrix weight, String path, @Nullable String tiedTo) {
    this(CHUNK, norm, new WordMap(weight, null), path, tiedTo, 0);
  }

  private LossHead(
      int chunk,
      @Nullable Normalisation norm,
      WordMap words,
      String path,
      @Nullable String tiedTo,
      double cap) {
    this.cap = cap;
    this.chunk = chunk;
    this.norm = norm;
    this.words = words;
    this.path = path;
    this.tiedTo = tiedTo;
  }

  /** The head that projects so many rows at a time. */
  LossHead inChunks(int rows) {
    return new LossHead(rows, norm, words, path, tiedTo, cap);
  }

  /**
   * The head whose logits are {@code cap · tanh(z / cap)}.
   *
   * @param most largest magnitude of a logit, 0 for no cap
   * @return another head on the same matrix
   */
  public LossHead capped(double most) {
    return new LossHead(chunk, norm, words, path, tiedTo, most);
  }

  /**
   * The head that adds a bias to the logits, which an adapter may bring and train too.
   *
   * @param bias (V), fp32
   * @return another head on the same matrix
   */
  public LossHead biased(NDArray bias) {
    return new LossHead(chunk, norm, new WordMap(words.weight(), bias), path, tiedTo, cap);
  }

  private NDArray normed(NDArray x, Pass pass, Tape tape) {
    return norm == null ? x : norm.forward(x, pass, tape);
  }

  /**
   * A loss and, if asked for, the gradient of what it was computed from.
   *
   * @param loss summed cross-entropy times the scale
   * @param gradient (N, D) in the scope of the pass, or the hidden states themselves if none was
   *     wanted or no position carries a label
   */
  public record Result(double loss, NDArray gradient) {}

  /**
   * Cross-entropy over the labelled positions of a pass.
   *
   * @param x hidden states before the last norm, (N, D)
   * @param pass the batch and its labels
   * @param scale factor of the sum, usually 1 / labels of the accumulated batch
   * @param wantGradient whether to compute the gradient of x
   * @return loss and gradient
   * @throws IllegalArgumentException if the sequences of the pass see different adapters
   */
  public Result loss(NDArray x, Pass pass, double scale, boolean wantGradient) {
    if (!pass.isUniform()) {
      throw new IllegalArgumentException(
          "a loss is of one adapter, or none, in all %d sequences; give each adapter a pass of its own"
              .formatted(pass.batch().rows()));
    }
    try (Pass inner = pass.nested();
        Tape tape = wantGradient ? Tape.recording(inner.manager()) : Tape.off()) {
      LabelledRows labels = pass.batch().labels();
      if (pass.batch().labelCount() == 0) {
        return new Result(0, wantGradient ? zerosLike(x, inner, pass) : x);
      }
      NDArray rows = inner.manager().create(labels.rows()); // (U)
      NDArray states = inner.manager().create(labels.states()); // (M)
      NDArray targets = inner.manager().create(labels.targets()); // (M)
      NDArray weights = inner.manager().create(labels.weights(scale)); // (M)
      NDArray selected = inner.one("select_rows", x, rows); // (U, D)
      NDArray normed = normed(selected, inner, tape); // (U, D)
      if (!labels.isSingle()) {
        normed = inner.one("select_rows", normed, states); // (M, D)
      }
      NDArray[] out = loss(normed, targets, weights, inner, wantGradient);
      double loss = out[0].toDoubleArray()[0];
      if (!wantGradient) {
        return new Result(loss, x);
      }
      NDArray dnormed = out[1]; // (M, D)
      if (!labels.isSingle()) {
        dnormed = inner.one("sum_rounds", dnormed, states, labels.rounds()); // (U, D)
      }
      NDArray dselected = norm == null ? dnormed : norm.backward(dnormed, inner, tape); // (U, D)
      long n = x.getShape().get(0);
      return new Result(loss, inner.lift(inner.one("scatter_rows", dselected, rows, n), pass));
    }
  }

  private NDArray[] loss(
      NDArray normed, NDArray targets, NDArray weights, Pass pass, boolean wantGradient) {
    AdapterWeights adapter = pass.only();
    WordMap map = mapOf(adapter);
    LowRank pair = adapter == null ? null : adapter.pair(path);
    NDArray[] ofWeight = gradientOf(adapter, WEIGHT);
    NDArray[] ofBias = gradientOf(adapter, BIAS);
    boolean trains = wantGradient && ofWeight.length + ofBias.length > 0;
    int block = targets.size() <= FEW_ROWS ? 4 * BLOCK : BLOCK;
    if (cap == 0 && pair == null && !trains) {
      return map.weight()
          .call(
              pass,
              "head_loss",
              normed,
              map.biases(),
              targets,
              weights,
              chunk,
              block,
              wantGradient);
    }
    return map.weight()
        .call(
            pass,
            "trained_head_loss",
            normed,
            map.biases(),
            targets,
            weights,
            chunk,
            block,
            wantGradient,
            pair == null ? NONE : new NDArray[] {pair.a(), pair.b()},
            pair == null ? 0.0 : pair.scaling(),
            pair == null ? 0.0 : pass.dropout(pair),
            pass.dropoutSeed(path),
            gradientsOf(pair),
            ofWeight,
            ofBias,
            lengthsOf(pair, map.weight()),
            ofLengths(pair),
            cap);
  }

  private NDArray[] gradientOf(@Nullable AdapterWeights adapter, String parameter) {
    NDArray gradient = adapter == null ? null : adapter.ownGradient(path + parameter);
    return gradient == null ? NONE : new NDArray[] {gradient};
  }

  /** m and n of DoRA, (V) each. */
  private static NDArray[] lengthsOf(@Nullable LowRank pair, FrozenMatrix matrix) {
    Magnitude magnitude = pair == null ? null : pair.magnitude();
    return pair == null || magnitude == null
        ? NONE
        : new NDArray[] {magnitude.values(), magnitude.norms(matrix, pair)};
  }

  private static NDArray[] ofLengths(@Nullable LowRank pair) {
    Magnitude magnitude = pair == null ? null : pair.magnitude();
    NDArray gradient = magnitude == null ? null : magnitude.gradient();
    return gradient == null ? NONE : new NDArray[] {gradient};
  }

  private static NDArray[] gradientsOf(@Nullable LowRank pair) {
    return pair == null || pair.gradA() == null || pair.gradB() == null
        ? NONE
        : new NDArray[] {pair.gradA(), pair.gradB()};
  }

  /**
   * The adapter's own matrix, that of an embedding it brings which the head is tied to, or ours;
   * and its own bias, or ours.
   */
  private WordMap mapOf(@Nullable AdapterWeights adapter) {
    if (adapter == null) {
      return words;
    }
    NDArray own = adapter.own(path + WEIGHT);
    if (own == null && tiedTo != null) {
      own = adapter.ownFrozen(tiedTo + WEIGHT);
    }
    return words.replacedBy(own, words.hasBias() ? adapter.own(path + BIAS) : null);
  }

  private boolean adapts(AdapterWeights adapter) {
    return adapter.pair(path) != null || mapOf(adapter) != words;
  }

  private static NDArray zerosLike(NDArray x, Pass inner, Pass pass) {
    NDArray rows = inner.manager().create(new long[0], new Shape(0));
    NDArray none = inner.one("select_rows", x, rows);
    return inner.lift(inner.one("scatter_rows", none, rows, x.getShape().get(0)), pass);
  }

  /**
   * Logits in fp32 for all tokens or for the last of each sequence.
   *
   * @param x hidden states before the last norm, (N, D)
   * @param pass the batch
   * @param lastOnly whether only the last position of each sequence is wanted
   * @return (N, V) or (B, V), in the scope of the pass; of rows of several vocabularies V is the
   *     largest, and words that a row lacks score -∞
   */
  public NDArray logits(NDArray x, Pass pass, boolean lastOnly) {
    NDArray normed = normed(x, pass, Tape.off()); // (N, D)
    if (lastOnly && pass.batch().size() != pass.batch().rows()) {
      long[] last = Arrays.stream(pass.batch().pieces().ends()).asLongStream().toArray();
      normed = pass.one("select_rows", normed, pass.manager().create(last)); // (B, D)
    }
    NDArray logits =
        pass.ranges().stream().anyMatch(range -> adapts(range.adapter()))
            ? adaptedLogits(normed, pass, normed.getShape().get(0) != pass.batch().size())
            : words.logits(normed, pass);
    if (cap > 0) {
      Kernels.get().run("cap_logits", logits, cap);
    }
    return logits;
  }

  private NDArray adaptedLogits(NDArray x, Pass pass, boolean rowsOnly) {
    AdapterWeights only = pass.only();
    NDArray y =
        only == null ? mixedLogits(x, pass, rowsOnly) : mapOf(only).logits(x, pass); // (N, V')
    for (Pass.Range range : pass.ranges()) {
      LowRank pair = range.adapter().pair(path);
      if (pair != null) {
        int start = rowsOnly ? range.firstRow() : range.start();
        int count = rowsOnly ? range.rows() : range.count();
        WordMap map = mapOf(range.adapter());
        Kernels.get()
            .run(
                "head_low_rank",
                y,
                x,
                start,
                count,
                pair.a(),
                pair.b(),
                pair.scaling(),
                lengthsOf(pair, map.weight()),
                map.biases());
      }
    }
    return y;
  }

  /** All rows by the base, then those again that have a map of their own. */
  private NDArray mixedLogits(NDArray x, Pass pass, boolean rowsOnly) {
    NDArray y = words.logits(x, pass); // (N, V)
    for (Pass.Range range : pass.ranges()) {
      WordMap own = mapOf(range.adapter());
      if (own == words) {
        continue;
      }
      int start = rowsOnly ? range.firstRow() : range.start();
      NDArray rows = pass.one("rows_of", x, start, rowsOnly ? range.rows() : range.count());
      NDArray scores = own.logits(rows, pass); // (n, V')
      y = pass.one("with_logits", y, start, scores);
    }
    return y;
  }
}
