package io.github.lora4j.djl.layer;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.NativeHeap;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An adapter's tensors in native memory: one flat fp32 buffer of values and, if it is trained, one
 * of gradients, so that clipping and the optimiser are one call each. Every pair and bias is a view
 * of the buffers.
 *
 * <p>Thread-safe for reading. {@link #close} waits for nobody: a pass that began before still
 * finishes on the memory, which goes back when the last such pass ends.
 */
public final class AdapterWeights implements AutoCloseable {

  private final List<AdapterLayout.Pair> layoutPairs;
  private final FlatTensors tensors;
  private final NDManager manager;
  private final NDArray values;
  private final @Nullable NDArray gradients;
  private final Map<String, NDArray> views = new LinkedHashMap<>();
  private final Map<String, NDArray> gradientViews = new LinkedHashMap<>();
  private final Map<String, LowRank> pairs = new LinkedHashMap<>();
  private final Map<String, NDArray> frozen = new LinkedHashMap<>();
  private final boolean halfFixed;
  private final boolean ownsMatrices;
  private long otherBytes;
  private final UseCount uses;

  /**
   * Copies an adapter to a device.
   *
   * @param layout pairs and values
   * @param device where the base lives
   * @param trainable whether to allocate gradients
   */
  public AdapterWeights(AdapterLayout layout, Device device, boolean trainable) {
    this.layoutPairs = layout.pairs();
    this.tensors = FlatTensors.of(layout.values());
    this.halfFixed = layout.halfFixed();
    this.ownsMatrices = hasMatrices(layout);
    this.manager = Engines.newManager(device);
    this.uses = new UseCount(this::free);
    try {
      this.values = manager.create(new Shape(tensors.elements()), DataType.FLOAT32);
      this.gradients =
          trainable ? manager.zeros(new Shape(tensors.elements()), DataType.FLOAT32) : null;
      fill(layout);
    } catch (RuntimeException e) {
      manager.close();
      throw e;
    }
  }

  private void fill(AdapterLayout layout) {
    views.putAll(tensors.slices(values, manager));
    if (gradients != null) {
      gradientViews.putAll(tensors.slices(gradients, manager));
    }
    write(layout.values());
    layout.frozen().forEach((name, tensor) -> frozen.put(name, frozenOf(tensor)));
    for (AdapterLayout.Pair pair : layout.pairs()) {
      pairs.put(
          pair.path(),
          new LowRank(
              require(pair.nameOfA()),
              require(pair.nameOfB()),
              gradientViews.get(pair.nameOfA()),
              gradientViews.get(pair.nameOfB()),
              magnitude(pair),
              pair.scaling(),
              pair.dropout()));
    }
  }

  private @Nullable Magnitude magnitude(AdapterLayout.Pair pair) {
    NDArray lengths = views.get(pair.nameOfMagnitude());
    if (lengths == null) {
      return null;
    }
    otherBytes += Float.BYTES * (long) pair.outFeatures();
    NDArray norms = manager.zeros(new Shape(pair.outFeatures()), DataType.FLOAT32);
    return new Magnitude(lengths, gradientViews.get(pair.nameOfMagnitude()), norms);
  }

  /**
   * Says that values have been written: what was computed from them is computed again. Whoever
   * writes into {@link #flatValues()} calls it afterwards.
   */
  public void changed() {
    for (LowRank pair : pairs.values()) {
      Magnitude magnitude = pair.magnitude();
      if (magnitude != null) {
        magnitude.changed();
      }
    }
  }

  private NDArray frozenOf(TensorData tensor) {
    otherBytes += Float.BYTES * (long) tensor.values().length;
    long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
    return manager.create(tensor.values(), new Shape(shape));
  }

  private static TensorData dataOf(NDArray array) {
    List<Long> shape = Arrays.stream(array.getShape().getShape()).boxed().toList();
    return new TensorData(shape, array.toFloatArray());
  }

  private static boolean hasMatrices(AdapterLayout layout) {
    Set<String> ofPairs = new HashSet<>();
    for (AdapterLayout.Pair pair : layout.pairs()) {
      ofPairs.add(pair.nameOfA());
      ofPairs.add(pair.nameOfB());
    }
    return !layout.frozen().isEmpty()
        || layout.values().entrySet().stream()
            .anyMatch(e -> e.getValue().shape().size() > 1 && !ofPairs.contains(e.getKey()));
  }

  private NDArray require(String name) {
    NDArray view = views.get(name);
    if (view == null) {
      throw new IllegalArgumentException("the layout has a pair but no values for " + name);
    }
    return view;
  }

  /**
   * Where the pairs stand, and a copy of the current values: they are kept in native memory only.
   *
   * @return the pairs given at the start, the values in their order, without what is frozen
   */
  public AdapterLayout layout() {
    return new AdapterLayout(layoutPairs, tensors.read(values), Map.of(), halfFixed);
  }

  /**
   * Whether gradients are accumulated.
   *
   * @return true for an adapter in training
   */
  public boolean trainable() {
    return gradients != null;
  }

  /**
   * Whether training it drops elements of any pair's input.
   *
   * @return false if every pair has dropout 0
   */
  public boolean dropsOut() {
    return layoutPairs.stream().anyMatch(pair -> pair.dropout() > 0);
  }

  /**
   * All values in one buffer, in the order of the layout's values; call {@link #changed()} after
   * writing into it.
   *
   * @return (elements), fp32
   */
  public NDArray flatValues() {
    return values;
  }

  /**
   * All gradients in one buffer.
   *
   * @return (elements), fp32
   * @throws IllegalStateException if the adapter is not trainable
   */
  public NDArray flatGradients() {
    if (gradients == null) {
      throw new IllegalStateException("the adapter was loaded for inference and has no gradients");
    }
    return gradients;
  }

  @Nullable LowRank pair(String path) {
    return pairs.get(path);
  }

  /** The adapter's own copy of a parameter of the base, fp32. */
  @Nullable NDArray own(String name) {
    NDArray trained = views.get(name);
    return trained == null ? frozen.get(name) : trained;
  }

  /** A matrix that stands in the place of the base's and is not trained, fp32. */
  @Nullable NDArray ownFrozen(String name) {
    return frozen.get(name);
  }

  /** Where the gradient of an own copy adds up, null if it is not trained. */
  @Nullable NDArray ownGradient(String name) {
    return gradientViews.get(name);
  }

  /**
   * Whether the adapter brings a whole matrix, so that a layer has to ask whose matrix to use.
   *
   * @return false for one of pairs, biases and norms
   */
  boolean ownsMatrices() {
    return ownsMatrices;
  }

  /**
   * Rows of a matrix that the adapter brings in the place of the base's.
   *
   * @param name the parameter's name in the module tree
   * @return empty if the adapter brings none
   */
  public OptionalInt rowsOfOwn(String name) {
    NDArray own = own(name);
    return own == null
        ? OptionalInt.empty()
        : OptionalInt.of(Math.toIntExact(own.getShape().get(0)));
  }

  /**
   * Whether any pair stands at, or any trained copy belongs to, a module whose path starts so.
   *
   * @param prefix start of a path, e.g. {@code transformer.h.3.}
   * @return true if something below it is adapted
   */
  public boolean touches(String prefix) {
    return views.keySet().stream().anyMatch(name -> name.startsWith(prefix));
  }

  /**
   * Copies all tensors to the heap.
   *
   * @return values in the order of the layout, then what is frozen
   * @throws IllegalStateException if the memory went back
   */
  public Map<String, TensorData> read() {
    acquireAgain();
    try {
      Map<String, TensorData> all = tensors.read(values);
      frozen.forEach((name, array) -> all.put(name, dataOf(array)));
      return all;
    } finally {
      release();
    }
  }

  /**
   * Copies all gradients to the heap.
   *
   * @return gradients under the names of the values
   */
  public Map<String, TensorData> readGradients() {
    return tensors.read(flatGradients());
  }

  /**
   * Overwrites all tensors.
   *
   * @param written one for each name of the layout, of its shape
   */
  public void write(Map<String, TensorData> written) {
    tensors.check(written);
    // NDArray.set would give the array new storage and leave the views behind
    if (values.getDevice().isGpu()) {
      try (NDManager scope = manager.newSubManager(Device.cpu())) {
        NDArray source = scope.create(values.getShape(), DataType.FLOAT32);
        tensors.put(written, source);
        Kernels.get().run("copy_into", values, source);
      }
    } else {
      tensors.put(written, values);
    }
    changed();
  }

  /**
   * Native memory held.
   *
   * @return bytes, 0 after the memory went back
   */
  public long nativeBytes() {
    return uses.areOver() ? 0 : bytes();
  }

  /**
   * Begins a use that outlives a pass, e.g. the generation of a text: until {@link #release} the
   * memory stays, even if the adapter is closed meanwhile.
   *
   * @return false if the adapter is closed already
   */
  public boolean tryAcquire() {
    return uses.tryBegin();
  }

  boolean isClosed() {
    return uses.areClosed();
  }

  void acquire() {
    if (!uses.tryBegin()) {
      throw closed();
    }
  }

  /** Begins a use within another one, which a close in between must not cut off. */
  void acquireAgain() {
    if (!uses.tryBeginWithin()) {
      throw closed();
    }
  }

  static IllegalStateException closed() {
    return new IllegalStateException("the adapter is closed; load it again");
  }

  /** Ends a use; the last one after closing gives the memory back. */
  public void release() {
    uses.end();
  }

  /** Closes it for new uses; the memory goes back at once, or when the last use ends. */
  @Override
  public void close() {
    uses.close();
  }

  private void free() {
    manager.close();
    NativeHeap.freed(bytes());
  }

  private long bytes() {
    return tensors.elements() * (gradients == null ? 4 : 8) + otherBytes;
  }

  /**
   * Names of the adapter's tensors.
   *
   * @return in the order of the flat buffers
   */
  public List<String> names() {
    return List.copyOf(views.keySet());
  }
}
