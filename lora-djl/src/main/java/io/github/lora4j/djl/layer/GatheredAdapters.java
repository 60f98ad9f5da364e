package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/**
 * The adapters of a batch that is being decoded, one token a row, as few arrays: every module adds
 * the updates of all rows by one call, and nothing is cast or looked up per token. Each module's
 * arrays are laid out when they are first asked for and hold the adapters' values of that moment.
 *
 * <p>Rows of no adapter at the ends of the batch cost nothing, and neither does a module that no
 * adapter touches. Not thread-safe: one generation owns it.
 */
final class GatheredAdapters implements AutoCloseable {

  /**
   * Pairs of neighbouring rows, fp32, scaling folded into b.
   *
   * @param start first row
   * @param count rows
   * @param a (P, in, R), P = 1 if all rows share a pair, else P = count
   * @param b (P, R, out)
   */
  private record Pairs(int start, int count, NDArray a, NDArray b) {}

  /**
   * What the outputs of neighbouring rows are multiplied with.
   *
   * @param start first row
   * @param count rows
   * @param factors (out) if all rows share them, else (count, out), fp32
   */
  private record Factors(int start, int count, NDArray factors) {}

  /** A run of rows whose adapter brings something of its own for a module. */
  private record Run<T>(int start, int count, T own) {}

  private final NDManager manager;
  private final List<AdapterSegment> segments;
  private final int rows;
  private final Map<String, Optional<Pairs>> pairs = new HashMap<>();
  private final Map<String, NDArray> biases = new HashMap<>();
  private final Map<String, Factors> factors = new HashMap<>();

  /**
   * Lays nothing out yet.
   *
   * @param parent owner of the memory, at most as long
   * @param segments which rows see which adapter
   * @param rows of the batch, B
   */
  GatheredAdapters(NDManager parent, List<AdapterSegment> segments, int rows) {
    this.manager = parent.newSubManager();
    this.segments =
        segments.stream().sorted(Comparator.comparingInt(AdapterSegment::firstRow)).toList();
    this.rows = rows;
  }

  /** Adds the updates of a module in place: x (B, in), y (B, out). */
  void addTo(NDArray y, NDArray x, String path) {
    pairs
        .computeIfAbsent(path, this::gather)
        .ifPresent(
            all -> Kernels.get().run("add_gathered", y, x, all.start, all.count, all.a, all.b));
  }

  /** Whether a pair of DoRA stands beside a module for some of the rows. */
  boolean scales(String path) {
    return !scaledRuns(path).isEmpty();
  }

  private List<Run<LowRank>> scaledRuns(String path) {
    return runs(
        adapter ->
            Optional.ofNullable(adapter.pair(path)).filter(pair -> pair.magnitude() != null));
  }

  /** Multiplies the rows under DoRA in place, after their updates and before their biases. */
  void scale(NDArray y, String path, FrozenMatrix weight) {
    Factors all = factors.computeIfAbsent(path, missing -> gatherFactors(path, weight));
    Kernels.get().run("scale_gathered", y, all.start, all.count, all.factors);
  }

  private Factors gatherFactors(String path, FrozenMatrix weight) {
    List<Run<LowRank>> runs = scaledRuns(path);
    Run<LowRank> last = runs.get(runs.size() - 1);
    int start = runs.get(0).start;
    int count = last.start + last.count - start;
    int copies = runs.size() == 1 ? 1 : count;
    NDArray all = zeros(copies, last.own.b().getShape().get(0)); // (P, out), 1 where not scaled
    Kernels.get().run("fill_one", all);
    for (Run<LowRank> run : runs) {
      Magnitude magnitude = Objects.requireNonNull(run.own.magnitude());
      NDArray norms = magnitude.norms(weight, run.own); // (out)
      int width = Math.min(copies, run.count);
      Kernels.get().run("gather_factors", all, run.start - start, width, magnitude.values(), norms);
    }
    return new Factors(start, count, all);
  }

  private Optional<Pairs> gather(String path) {
    List<Run<LowRank>> runs = runs(adapter -> Optional.ofNullable(adapter.pair(path)));
    if (runs.isEmpty()) {
      return Optional.empty();
    }
    Run<LowRank> last = runs.get(runs.size() - 1);
    int start = runs.get(0).start;
    int count = last.start + last.count - start;
    int copies = runs.size() == 1 ? 1 : count;
    long rank = runs.stream().mapToLong(run -> run.own.a().getShape().get(0)).max().orElseThrow();
    NDArray a = zeros(copies, last.own.a().getShape().get(1), rank); // (P, in, R)
    NDArray b = zeros(copies, rank, last.own.b().getShape().get(0)); // (P, R, out)
    for (Run<LowRank> run : runs) {
      int first = run.start - start;
      int width = Math.min(copies, run.count);
      LowRank pair = run.own;
      Kernels.get().run("gather_pair", a, b, first, width, pair.a(), pair.b(), pair.scaling());
    }
    return Optional.of(new Pairs(start, count, a, b));
  }

  private <T> List<Run<T>> runs(Function<AdapterWeights, Optional<T>> find) {
    return segments.stream()
        .flatMap(
            segment ->
                find
                    .apply(segment.adapter())
                    .map(own -> new Run<>(segment.firstRow(), segment.rows(), own))
                    .stream())
        .toList();
  }

  /**
   * The bias, or other vector, that the rows see: the base's, or the copies that adapters bring.
   *
   * @param name of the bias
   * @param base (out), fp32
   * @return (out) if all rows see the same one, else (B, out)
   */
  NDArray bias(String name, NDArray base) {
    return biases.computeIfAbsent(name, missing -> gatherBias(name, base));
  }

  private NDArray gatherBias(String name, NDArray base) {
    List<Run<NDArray>> runs = runs(adapter -> Optional.ofNullable(adapter.own(name)));
    if (runs.isEmpty()) {
      return base;
    }
    long width = base.getShape().get(0);
    if (runs.get(0).count == rows) {
      NDArray shared = zeros(width); // (out)
      Kernels.get().run("copy_into", shared, runs.get(0).own);
      return shared;
    }
    NDArray all = zeros(rows, width); // (B, out)
    Kernels.get().run("copy_into", all, base);
    for (Run<NDArray> run : runs) {
      try (NDArray part = Kernels.get().one(manager, "rows_of", all, run.start, run.count)) {
        Kernels.get().run("copy_into", part, run.own);
      }
    }
    return all;
  }

  private NDArray zeros(long... shape) {
    String device = Kernels.deviceName(manager.getDevice());
    return Kernels.get().one(manager, "zeros", shape, device, ScalarType.FP32.code());
  }

  @Override
  public void close() {
    manager.close();
  }
}
