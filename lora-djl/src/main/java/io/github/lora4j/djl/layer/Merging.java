package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Kernels;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The weights of a base as an adapter changes them: what it touches is new, everything else another
 * handle on the base's own memory, which goes back when the last handle does. Every weight of the
 * base is asked for once, then {@link #check} says whether the result may be used.
 */
public final class Merging implements AutoCloseable {

  private static final int LISTED = 3;
  private static final String WEIGHT = ".weight";

  private final AdapterWeights adapter;
  private final NDManager manager;
  private final Set<String> left;
  private final List<String> broken = new ArrayList<>();

  /**
   * Begins a use of the adapter, which {@link #close} ends.
   *
   * @param adapter what to merge
   * @param manager owner of all weights given out
   * @throws IllegalStateException if the adapter is closed
   */
  public Merging(AdapterWeights adapter, NDManager manager) {
    adapter.acquire();
    this.adapter = adapter;
    this.manager = manager;
    this.left = new LinkedHashSet<>(adapter.names());
  }

  /**
   * A matrix of the merged model.
   *
   * @param name of the parameter, {@code PATH.weight}
   * @param base of the base, (out, in)
   * @return {@code W + s·BA} or the adapter's own matrix, in the type of W, or W
   */
  public FrozenMatrix matrix(String name, FrozenMatrix base) {
    String path = name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) : name;
    NDArray own = adapter.own(name);
    if (own != null) {
      left.remove(name);
      if (!Kernels.get().test("is_finite", own)) {
        broken.add(name);
      }
      return base.storing(own, manager);
    }
    LowRank pair = adapter.pair(path);
    if (pair == null) {
      return base.shared(manager);
    }
    left.remove(path + ".lora_A");
    left.remove(path + ".lora_B");
    left.remove(path + ".lora_magnitude_vector");
    FrozenMatrix.Merged merged = base.plus(pair, manager);
    if (!merged.finite()) {
      broken.add(name);
    }
    return merged.matrix();
  }

  /**
   * Refuses an adapter of the words: a base may compute embedding and head with one matrix, and
   * both have as many rows as its configuration says.
   *
   * @param paths of embedding and head
   * @throws LoraException if the adapter changes one of them
   */
  public void refuseWords(List<String> paths) {
    List<String> changed =
        paths.stream()
            .filter(path -> adapter.pair(path) != null || adapter.own(path + WEIGHT) != null)
            .toList();
    if (!changed.isEmpty()) {
      throw new LoraException(
          "an adapter of the words is not merged, and this one changes %s; generate through its view, or save it as it is"
              .formatted(changed));
    }
  }

  /**
   * A vector of the merged model.
   *
   * @param name of the parameter
   * @param base of the base, (out)
   * @return the adapter's own, or the base's
   */
  public NDArray vector(String name, NDArray base) {
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
   * Says whether the merged weights are whole.
   *
   * @throws LoraException if one is not finite
   * @throws IllegalStateException if a tensor of the adapter belongs to no weight
   */
  public void check() {
    if (!left.isEmpty()) {
      throw new IllegalStateException("merging has no place for the adapter's " + list(left));
    }
    if (!broken.isEmpty()) {
      throw new LoraException(
          "NaN or infinity in the merged weights of %s; the adapter seems to be broken, or its numbers exceed the range of the type that the base is stored in"
              .formatted(list(broken)));
    }
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
