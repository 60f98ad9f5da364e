package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.Workers;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a base as an adapter changes them: what it touches is new, everything else another
 * handle on the base's own memory, which goes back when the last handle does. Every weight of the
 * base is asked for once, then {@link #check} says whether the result may be used.
 */
public final class Merging implements AutoCloseable {

  private static final int LISTED = 3;

  /** Elements that a thread computes at a time: some milliseconds. */
  private static final long PIECE = 1 << 20;

  private static final String WEIGHT = ".weight";

  private final AdapterWeights adapter;
  private final Words words;
  private final NDManager manager;
  private final Set<String> left;

  /** Names of all weights in the order of the model, which is that of messages. */
  private final List<String> asked = new ArrayList<>();

  private final Set<String> broken = new HashSet<>();

  /** Still to be computed, by name. */
  private final Map<String, MergedRows> sums = new LinkedHashMap<>();

  /**
   * Begins a use of the adapter, which {@link #close} ends.
   *
   * @param adapter what to merge
   * @param words where embedding and head of the base stand
   * @param manager owner of all weights given out
   * @throws IllegalStateException if the adapter is closed
   */
  public Merging(AdapterWeights adapter, Words words, NDManager manager) {
    adapter.acquire();
    this.adapter = adapter;
    this.words = words;
    this.manager = manager;
    this.left = new LinkedHashSet<>(adapter.names());
  }

  /**
   * A matrix of the merged model.
   *
   * @param name of the parameter, {@code PATH.weight}
   * @param base of the base, (out, in)
   * @return {@code W + s·BA}, where W is the adapter's own matrix if it brings one, in the type of
   *     the base's; or the base's
   */
  public FrozenMatrix matrix(String name, FrozenMatrix base) {
    return matrix(name, base, adapter.own(name));
  }

  private FrozenMatrix matrix(String name, FrozenMatrix base, @Nullable NDArray own) {
    asked.add(name);
    String path = name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) : name;
    LowRank pair = adapter.pair(path);
    if (own == null && pair == null) {
      return base.shared(manager);
    }
    left.removeAll(
        List.of(name, path + ".lora_A", path + ".lora_B", path + ".lora_magnitude_vector"));
    if (pair == null) {
      FrozenMatrix stored = base.storing(Objects.requireNonNull(own), manager);
      note(name, stored.isFinite());
      return stored;
    }
    MergedRows sum = sum(path, own == null ? base : base.replacedBy(own), pair);
    if (own == null) {
      sums.put(name, sum);
      return sum.matrix();
    }
    FrozenMatrix.Merged merged = base.storing(sum.all(), manager);
    note(name, merged.finite());
    return merged.matrix();
  }

  private MergedRows sum(String path, FrozenMatrix base, LowRank pair) {
    return path.equals(words.embedding())
        ? base.plusInTable(pair, manager)
        : base.plus(pair, manager);
  }

  private void note(String name, boolean finite) {
    if (!finite) {
      broken.add(name);
    }
  }

  /**
   * The head of the merged model, where the base computes it with the table of its embedding and
   * the merged model cannot: in the adapter's view each of the two changes without the other.
   *
   * @param table the base's, (V, D)
   * @return empty if the two stay one matrix
   */
  public Optional<FrozenMatrix> ownHead(FrozenMatrix table) {
    String name = words.head() + WEIGHT;
    String nameOfTable = words.embedding() + WEIGHT;
    NDArray own = adapter.own(name);
    NDArray ofTable = adapter.ownFrozen(nameOfTable); // the head is that too, in the view
    boolean apart =
        own != null
            || adapter.pair(words.head()) != null
            || adapter.pair(words.embedding()) != null
            || (adapter.own(nameOfTable) != null && ofTable == null);
    return apart ? Optional.of(matrix(name, table, own == null ? ofTable : own)) : Optional.empty();
  }

  /**
   * A vector of the merged model.
   *
   * @param name of the parameter
   * @param base of the base, (out)
   * @return the adapter's own, or the base's
   */
  public NDArray vector(String name, NDArray base) {
    asked.add(name);
    NDArray own = adapter.own(name);
    if (own == null) {
      return Kernels.get().one(manager, "rows_of", base, 0, base.getShape().get(0));
    }
    left.remove(name);
    if (!Kernels.get().test("is_finite", own)) {
      broken.add(name);
    }
    return Kernels.get().one(manager, "copy_of", own); // its buffer is the adapter's
  }

  /**
   * Computes what {@link #matrix} made room for, and says whether the merged weights are whole.
   *
   * @throws LoraException if one is not finite
   * @throws IllegalStateException if a tensor of the adapter belongs to no weight
   */
  public void check() {
    if (!left.isEmpty()) {
      throw new IllegalStateException("merging has no place for the adapter's " + list(left));
    }
    compute();
    if (!broken.isEmpty()) {
      throw new LoraException(
          "NaN or infinity in the merged weights of %s; the adapter seems to be broken, or its numbers exceed the range of the type that the base is stored in"
              .formatted(list(asked.stream().filter(broken::contains).toList())));
    }
  }

  /** On as many threads as libtorch may use, each at a piece of one matrix. */
  private void compute() {
    List<Supplier<Optional<String>>> pieces = new ArrayList<>();
    sums.forEach(
        (name, sum) -> {
          int rows = sum.matrix().rows();
          int few = Math.max(1, Math.toIntExact(PIECE / Math.max(1, sum.matrix().columns())));
          for (int at = 0; at < rows; at += few) {
            int first = at;
            int last = Math.min(rows, first + few);
            pieces.add(() -> sum.compute(first, last) ? Optional.empty() : Optional.of(name));
          }
        });
    Workers.run(pieces).forEach(name -> name.ifPresent(broken::add));
    sums.clear();
  }

  private static String list(Iterable<String> names) {
    List<String> all = new ArrayList<>();
    names.forEach(all::add);
    String first = String.join("', '", all.subList(0, Math.min(LISTED, all.size())));
    String more = all.size() > LISTED ? " and %d more".formatted(all.size() - LISTED) : "";
    return "'" + first + "'" + more;
  }

  @Override
  public void close() {
    adapter.release();
  }
}
