package io.github.lora4j;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

  private static final Logger log = LoggerFactory.getLogger(PeftModel.class);

  /** Seed of the initialisation where none is given. */
  private static final long DEFAULT_SEED = 42;

  private final LoraPlan plan;
  private final LoraView<M> view;
  private final boolean trainable;
  private final ModuleTree base;

  private PeftModel(LoraPlan plan, LoraView<M> view, boolean trainable, ModuleTree base) {
    this.plan = plan;
    this.base = base;
    this.view = view;
    this.trainable = trainable;
  }

  /**
   * Puts a fresh adapter beside a base, to be trained. All targets are resolved first: if one
   * matches nothing, the model is as it was.
   *
   * @param <M> type of the model
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
    warnIfUntied(plan);
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (LoraLinear pair : plan.pairs()) {
      InitialPair initial = InitialPair.of(plan, pair, seed);
      values.put(pair.path() + ".lora_A", initial.a());
      values.put(pair.path() + ".lora_B", initial.b());
    }
    for (ParameterInfo bias : plan.biases()) {
      values.put(bias.name(), backend.parameter(base, bias.name()));
    }
    for (ParameterInfo copy : plan.copies()) {
      values.put(copy.name(), backend.parameter(base, copy.name()));
    }
    return attach(backend, base, plan, new Tensors(values, Map.of()), true);
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
    AdapterReader.Loaded loaded =
        AdapterReader.read(
            directory,
            backend.modules(base),
            (name, row, rows) -> backend.holds(base, name, row, rows));
    Map<String, TensorData> values = new LinkedHashMap<>(loaded.values());
    for (ParameterInfo bias : loaded.plan().biases()) {
      if (!values.containsKey(bias.name())) {
        values.put(bias.name(), backend.parameter(base, bias.name()));
      }
    }
    return attach(backend, base, loaded.plan(), new Tensors(values, loaded.frozen()), trainable);
  }

  private static void warnIfUntied(LoraPlan plan) {
    List<String> untied = new Vocabulary(plan.tree()).untiedBy(plan);
    if (!untied.isEmpty()) {
      log.warn(
          "head and embedding of {} share one matrix; the adapter changes what {} computes and nothing else",
          plan.tree().modelClass(),
          untied);
    }
  }

  /** Trained tensors, and matrices that stand in the place of the base's. */
  private record Tensors(Map<String, TensorData> trained, Map<String, TensorData> frozen) {}

  private static <M> PeftModel<M> attach(
      LoraBackend backend, M base, LoraPlan plan, Tensors tensors, boolean trainable) {
    AdapterLayout layout =
        new AdapterLayout(
            plan.pairs().stream().map(AdapterKeys::pair).toList(),
            tensors.trained(),
            tensors.frozen());
    LoraView<M> view = backend.attach(base, layout, trainable);
    return new PeftModel<>(plan, view, trainable, backend.modules(base));
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
    Map<String, TensorData> own = view.tensors();
    AdapterReader.Loaded loaded =
        AdapterReader.read(directory, base, (name, row, rows) -> !own.containsKey(name));
    Map<String, TensorData> read = new LinkedHashMap<>(loaded.values());
    read.putAll(loaded.frozen());
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
