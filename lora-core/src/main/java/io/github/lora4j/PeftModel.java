package io.github.lora4j;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A view: a base model with an adapter beside it. The base is shared by all its views and never
 * changes; whoever wants another adapter uses another view, from as many threads as there are.
 *
 * <pre>{@code
 * PeftModel<CausalLm> peft = PeftModel.wrap(base, config);          // to train
 * peft.save(Path.of("squad"));
 * PeftModel<CausalLm> qa = PeftModel.fromPretrained(base, "squad"); // to use
 * }</pre>
 *
 * @param <M> type of the model
 * @since 0.1.0
 */
public final class PeftModel<M> implements AutoCloseable {

  /** Seed of the initialisation where none is given. */
  private static final long DEFAULT_SEED = 42;

  private final LoraBackend backend;
  private final M base;
  private final LoraPlan plan;
  private final LoraView<M> view;
  private final boolean trainable;

  private PeftModel(
      LoraBackend backend, M base, LoraPlan plan, LoraView<M> view, boolean trainable) {
    this.backend = backend;
    this.base = base;
    this.plan = plan;
    this.view = view;
    this.trainable = trainable;
  }

  /**
   * Puts a fresh adapter beside a base, to be trained. All targets are resolved first: if one
   * matches nothing, the model is as it was.
   *
   * <p>With {@code lora-djl} on the class path a base is a {@code CausalLm}, or any {@code Block}
   * of Deep Java Library that is initialised; the view's model is then a block for DJL's own
   * trainer, predictor and {@code Model.save}:
   *
   * <pre>{@code
   * PeftModel<Block> peft = PeftModel.wrap(block, config);
   * model.setBlock(peft.model());
   * }</pre>
   *
   * @param <M> type of the model; for a block, {@code Block} itself and not a subclass
   * @param base the model without an adapter
   * @param config what to adapt
   * @return a view, to be closed by the caller
   * @throws LoraException if a target, an exclusion, a layer or a pattern matches nothing, or a
   *     rank exceeds the side of a map
   */
  public static <M> PeftModel<M> wrap(M base, LoraConfig config) {
    return wrap(base, config, DEFAULT_SEED);
  }

  /**
   * As {@link #wrap(Object, LoraConfig)} with a seed for the initial values.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param config what to adapt
   * @param seed decides the values of A
   * @return a view, to be closed by the caller
   * @throws LoraException if a target, an exclusion, a layer or a pattern matches nothing, or a
   *     rank exceeds the side of a map
   */
  public static <M> PeftModel<M> wrap(M base, LoraConfig config, long seed) {
    Objects.requireNonNull(base, "base");
    LoraBackend backend = Backends.of(base);
    LoraPlan plan = LoraPlan.of(backend.modules(base), config);
    Map<String, TensorData> values = new InitialValues(plan, backend, base).fresh(seed);
    return attach(backend, base, plan, values, true);
  }

  /**
   * Loads an adapter for inference.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directory an adapter's directory
   * @return a view, to be closed by the caller
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(M base, String directory) throws IOException {
    return fromPretrained(base, Path.of(directory), false);
  }

  /**
   * Loads an adapter for inference.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directory an adapter's directory, as PEFT or {@link #save} wrote it
   * @return a view, to be closed by the caller
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(M base, Path directory) throws IOException {
    return fromPretrained(base, directory, false);
  }

  /**
   * Loads an adapter, to use it or to train it further.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directory an adapter's directory, as PEFT or {@link #save} wrote it
   * @param trainable whether it shall be trained
   * @return a view, to be closed by the caller
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(M base, Path directory, boolean trainable)
      throws IOException {
    Objects.requireNonNull(base, "base");
    LoraBackend backend = Backends.of(base);
    AdapterReader.Loaded loaded = AdapterReader.read(directory, backend.modules(base));
    Map<String, TensorData> values =
        new InitialValues(loaded.plan(), backend, base).completed(loaded.values());
    return attach(backend, base, loaded.plan(), values, trainable);
  }

  private static <M> PeftModel<M> attach(
      LoraBackend backend,
      M base,
      LoraPlan plan,
      Map<String, TensorData> values,
      boolean trainable) {
    AdapterLayout layout =
        new AdapterLayout(
            plan.pairs().stream().map(AdapterKeys::pair).toList(),
            values,
            plan.config().init().takesFromBase());
    return new PeftModel<>(backend, base, plan, backend.attach(base, layout, trainable), trainable);
  }

  /**
   * A new view with the weighted sum of adapters: {@code W + Σ wᵢ·sᵢ·BᵢAᵢ}, exactly. Ranks,
   * scalings and adapted modules may differ; a module's new rank is the sum of the ranks there. Of
   * adapters that bring their own biases, the differences from the base's are summed.
   *
   * <pre>{@code
   * PeftModel<CausalLm> both = PeftModel.combine(List.of(formal, brief), 0.7, 0.3);
   * both.save(Path.of("formal-and-brief"));
   * }</pre>
   *
   * <p>The result is an adapter like any other, independent of the views and for inference; saved,
   * it can be loaded to be trained. Where its rank gets large, {@link #reduced} makes it smaller.
   *
   * @param <M> type of the model
   * @param views one at least, all on the same base
   * @param weights one for each view; negative ones subtract
   * @return a view, to be closed by the caller
   * @throws IllegalArgumentException if the numbers of views and weights differ, a weight or a sum
   *     is not finite, or the views are of different bases
   * @throws LoraException if an adapter has more than low-rank pairs and biases
   */
  public static <M> PeftModel<M> combine(List<PeftModel<M>> views, double... weights) {
    checkTerms(views, weights);
    PeftModel<M> first = views.get(0);
    List<AdapterValues> adapters = views.stream().map(view -> view.values("combining")).toList();
    return first.sibling(
        new AdapterSum(adapters, weights.clone())
            .values(name -> first.backend.parameter(first.base, name)));
  }

  private static <M> void checkTerms(List<PeftModel<M>> views, double[] weights) {
    if (views.isEmpty() || views.size() != weights.length) {
      throw new IllegalArgumentException(
          "a weighted sum needs a view at least and a weight for each, got %d views and %d weights"
              .formatted(views.size(), weights.length));
    }
    for (int i = 0; i < weights.length; i++) {
      if (!Double.isFinite(weights[i])) {
        throw new IllegalArgumentException(
            "weight %d must be finite, got %s".formatted(i, weights[i]));
      }
      if (views.get(i).base != views.get(0).base) {
        throw new IllegalArgumentException(
            "view %d is of another base than view 0; load the adapter on the same base"
                .formatted(i));
      }
    }
  }

  /**
   * A new view with an adapter's update, and the change of its own biases, multiplied: {@code W +
   * f·s·BA}. What {@link #combine} gives for one view.
   *
   * @param <M> type of the model
   * @param view an adapter
   * @param factor 1 for the same, 0.5 for half of it, −1 for its opposite
   * @return a view, to be closed by the caller
   * @throws IllegalArgumentException if the factor or a product is not finite
   * @throws LoraException if the adapter has more than low-rank pairs and biases
   */
  public static <M> PeftModel<M> scaled(PeftModel<M> view, double factor) {
    return combine(List.of(view), factor);
  }

  /**
   * A new view with the nearest adapter of a lower rank, by singular values. Pairs whose rank is
   * not larger keep it; own biases stay as they are.
   *
   * <pre>{@code
   * ReducedAdapter<CausalLm> small = PeftModel.reduced(both, 8);
   * System.out.println(small.relativeError());
   * }</pre>
   *
   * @param <M> type of the model
   * @param view an adapter, e.g. a sum of several
   * @param rank most that a pair shall have
   * @return the view, to be closed by the caller, and how far it is from the given one
   * @throws IllegalArgumentException if the rank is not positive
   * @throws LoraException if the adapter has more than low-rank pairs and biases
   */
  public static <M> ReducedAdapter<M> reduced(PeftModel<M> view, int rank) {
    if (rank <= 0) {
      throw new IllegalArgumentException("rank must be positive, got " + rank);
    }
    AdapterReduction reduction = new AdapterReduction(view.values("reducing"), rank);
    PeftModel<M> reduced = view.sibling(reduction.values());
    return new ReducedAdapter<>(reduced, reduction.error(), reduction.errors());
  }

  private AdapterValues values(String doing) {
    return AdapterValues.ofPairs(plan, view.tensors(), doing);
  }

  private PeftModel<M> sibling(AdapterValues adapter) {
    return attach(backend, base, adapter.plan(), adapter.tensors(), false);
  }

  /**
   * A new model whose weights carry the adapter: {@code W + s·BA}, computed in fp32 and rounded
   * once to the type that the base stores; own biases take the place of the base's. It is a base
   * like any other. This view and its base stay as they are; weights that the adapter does not
   * touch are shared with the base, which may be closed before or after.
   *
   * @return to be closed by the caller where the engine's models are
   * @throws LoraException if a merged weight is NaN or infinite, naming where
   * @throws IllegalStateException if this view is closed
   * @throws UnsupportedOperationException if the engine makes no merged models of this type, as of
   *     DJL blocks
   */
  public M merge() {
    return view.merge();
  }

  /**
   * The model with the adapter applied; used like any other of its type.
   *
   * @return valid until this view is closed
   */
  public M model() {
    return view.model();
  }

  /**
   * The adapter's configuration.
   *
   * @return with the model's default targets filled in
   */
  public LoraConfig config() {
    return plan.config();
  }

  /**
   * What is adapted.
   *
   * @return the plan that this view carries out
   */
  public LoraPlan plan() {
    return plan;
  }

  /**
   * How much is trained; prints PEFT's sentence.
   *
   * @return the count; nothing is trainable in a view loaded for inference
   */
  public ParameterCount parameterCount() {
    ParameterCount count = plan.parameterCount();
    return trainable ? count : new ParameterCount(0, count.all());
  }

  /**
   * Whether the adapter can be trained.
   *
   * @return false for one loaded for inference
   */
  public boolean trainable() {
    return trainable;
  }

  /**
   * Copies the adapter's tensors to the heap.
   *
   * @return by name in memory, {@code PATH.lora_A} and so on
   */
  public Map<String, TensorData> tensors() {
    return view.tensors();
  }

  /**
   * Reads the tensors of an adapter of this one's shape, e.g. an earlier state of it, without
   * changing this view.
   *
   * @param directory an adapter's directory, as PEFT or {@link #save} wrote it
   * @return by name in memory, {@code PATH.lora_A} and so on
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if it does not fit the base or has other tensors than this view
   */
  public Map<String, TensorData> readTensors(Path directory) throws IOException {
    Map<String, TensorData> read = AdapterReader.read(directory, plan.tree()).values();
    Map<String, TensorData> own = view.tensors();
    List<String> differences = new ArrayList<>();
    own.forEach(
        (name, tensor) -> {
          TensorData other = read.get(name);
          if (other == null || !other.shape().equals(tensor.shape())) {
            String found = other == null ? "missing" : other.shape().toString();
            differences.add("%s: file %s, view %s".formatted(name, found, tensor.shape()));
          }
        });
    read.keySet().stream()
        .filter(name -> !own.containsKey(name))
        .forEach(name -> differences.add(name + ": not in this view"));
    if (!differences.isEmpty()) {
      throw new LoraException(
          "adapter '%s' has another shape than this view:\n  %s"
              .formatted(directory, String.join("\n  ", differences)));
    }
    return read;
  }

  /**
   * Native memory that the adapter holds.
   *
   * @return bytes, zero after closing
   */
  public long nativeBytes() {
    return view.nativeBytes();
  }

  /**
   * Writes {@code adapter_config.json}, {@code adapter_model.safetensors} and a model card, which
   * PEFT reads. All appear or none: a failure leaves the directory as it was. The same adapter
   * gives the same bytes.
   *
   * @param directory made if it is not there; an adapter in it is replaced
   * @throws IOException if writing fails
   */
  public void save(Path directory) throws IOException {
    AdapterWriter.write(directory, plan, view.tensors());
  }

  /** Gives the adapter's native memory back; the base stays. Closing twice does nothing. */
  @Override
  public void close() {
    view.close();
  }
}
