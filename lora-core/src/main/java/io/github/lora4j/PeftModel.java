package io.github.lora4j;

import io.github.lora4j.hub.HubCommit;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.PushOptions;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;

/**
 * A view: a base model with an adapter beside it. The base is shared by all its views and never
 * changes; whoever wants another adapter uses another view, from as many threads as there are.
 * Loading, using and closing one costs the same however many stand beside the base.
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

  private final M base;
  private final LoraView<M> view;
  private final boolean trainable;

  /** Guards that plan and tensors are of one adapter. */
  private final Object replacing = new Object();

  private volatile LoraPlan plan;

  private PeftModel(M base, LoraPlan plan, LoraView<M> view, boolean trainable) {
    this.base = base;
    this.plan = plan;
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
    return view(base, AdapterState.fresh(base, config, seed), true);
  }

  /**
   * Loads an adapter for inference, from a directory or from the hub.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directoryOrId an adapter's directory; if there is none of this name, an id on the hub
   *     such as {@code me/squad-bloom-3b}
   * @return a view, to be closed by the caller
   * @throws io.github.lora4j.hub.HubException if the hub cannot give it
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(M base, String directoryOrId) throws IOException {
    return load(
        base, FilesInDirectory.named(directoryOrId, () -> HubOptions.builder().build()), false);
  }

  /**
   * Loads an adapter for inference, from a directory or from the hub.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directoryOrId an adapter's directory; if there is none of this name, an id on the hub
   * @param options revision, token, subfolder, whether the network may be used; they mean nothing
   *     to a directory
   * @return a view, to be closed by the caller
   * @throws io.github.lora4j.hub.HubException if the hub cannot give it
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(M base, String directoryOrId, HubOptions options)
      throws IOException {
    return fromPretrained(base, directoryOrId, options, false);
  }

  /**
   * Loads an adapter from a directory or from the hub, to use it or to train it further.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directoryOrId an adapter's directory; if there is none of this name, an id on the hub
   * @param options revision, token, subfolder, whether the network may be used; they mean nothing
   *     to a directory
   * @param trainable whether it shall be trained
   * @return a view, to be closed by the caller
   * @throws io.github.lora4j.hub.HubException if the hub cannot give it
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(
      M base, String directoryOrId, HubOptions options, boolean trainable) throws IOException {
    return load(base, FilesInDirectory.named(directoryOrId, () -> options), trainable);
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
    return load(base, AdapterFiles.in(directory), trainable);
  }

  /**
   * Loads an adapter of a sub-directory for inference: PEFT puts those of other names than {@code
   * default} there.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directory that several adapters were saved in
   * @param subfolder the adapter's name; what leads out of the directory is refused
   * @return a view, to be closed by the caller
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws IllegalArgumentException if the name is absolute, empty, or has a part that is empty,
   *     {@code .} or {@code ..}
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported, or
   *     the name leads out of the directory by a symbolic link
   */
  public static <M> PeftModel<M> fromPretrained(M base, Path directory, String subfolder)
      throws IOException {
    return fromPretrained(base, directory, subfolder, false);
  }

  /**
   * Loads an adapter of a sub-directory, to use it or to train it further.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param directory that several adapters were saved in
   * @param subfolder the adapter's name; what leads out of the directory is refused
   * @param trainable whether it shall be trained
   * @return a view, to be closed by the caller
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws IllegalArgumentException if the name is absolute, empty, or has a part that is empty,
   *     {@code .} or {@code ..}
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported, or
   *     the name leads out of the directory by a symbolic link
   */
  public static <M> PeftModel<M> fromPretrained(
      M base, Path directory, String subfolder, boolean trainable) throws IOException {
    return load(base, AdapterFiles.in(directory, subfolder), trainable);
  }

  /**
   * Loads an adapter from a source for inference.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param source supplies the adapter
   * @param id what names it there
   * @return a view, to be closed by the caller
   * @throws IOException if the source has no such adapter, or a file is missing, damaged or cannot
   *     be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(M base, AdapterSource source, String id)
      throws IOException {
    return fromPretrained(base, source, id, false);
  }

  /**
   * Loads an adapter from a source, to use it or to train it further.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param source supplies the adapter
   * @param id what names it there
   * @param trainable whether it shall be trained
   * @return a view, to be closed by the caller
   * @throws IOException if the source has no such adapter, or a file is missing, damaged or cannot
   *     be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   */
  public static <M> PeftModel<M> fromPretrained(
      M base, AdapterSource source, String id, boolean trainable) throws IOException {
    return load(base, source.fetch(id), trainable);
  }

  private static <M> PeftModel<M> load(M base, AdapterFiles files, boolean trainable)
      throws IOException {
    return AdapterState.read(base, files, state -> view(base, state, trainable));
  }

  /** Copies an adapter beside the base. */
  static <M> PeftModel<M> view(M base, AdapterState state, boolean trainable) {
    LoraView<M> view = Backends.of(base).attach(base, state.layout(), trainable);
    return new PeftModel<>(base, state.plan(), view, trainable);
  }

  /** Plan and tensors of one adapter, also while another takes its place. */
  <R> R withState(BiFunction<LoraPlan, Map<String, TensorData>, R> use) {
    LoraPlan seen;
    Map<String, TensorData> tensors;
    synchronized (replacing) {
      seen = plan;
      tensors = view.tensors();
    }
    return use.apply(seen, tensors);
  }

  M base() {
    return base;
  }

  /** The same view, handed to somebody who neither closes nor replaces it. */
  PeftModel<M> lent() {
    return new PeftModel<>(base, plan, new LentView<>(view), trainable);
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
    return Combining.sum(views, weights);
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
    return Combining.reduced(view, rank);
  }

  /**
   * A new model whose weights carry the adapter: {@code W + s·BA}, computed in fp32 and rounded
   * once to the type that the base stores; own biases take the place of the base's. It is a base
   * like any other. This view and its base stay as they are; weights that the adapter does not
   * touch are shared with the base, which may be closed before or after. Where head and embedding
   * are one matrix and the adapter changes one of them, the merged model has two: it computes what
   * this view does. An adapter of another vocabulary makes a model of that vocabulary.
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
   * The adapter's configuration; after {@link #replaceWith(Path)} the new one's.
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
    return OtherState.read(base, plan, view.tensors().keySet(), directory);
  }

  /**
   * Puts another adapter in the place of this view's, under live traffic: a request that has begun
   * finishes on the old one, every later one sees the new one, and the old one's memory goes back
   * when its last request ends. Rank, alpha and targets may differ. A failure leaves the view as it
   * was.
   *
   * @param directory an adapter's directory, as PEFT or {@link #save} wrote it
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   * @throws IllegalStateException if the view is closed, or can be trained: a training holds on to
   *     its tensors, so load the other adapter as a view of its own
   */
  public void replaceWith(Path directory) throws IOException {
    replaceWith(AdapterFiles.in(directory));
  }

  /**
   * As {@link #replaceWith(Path)}, with an adapter of a source.
   *
   * @param source supplies the adapter
   * @param id what names it there
   * @throws IOException if the source has no such adapter, or a file is missing, damaged or cannot
   *     be read
   * @throws LoraException if the adapter does not fit the base or is of a kind not supported
   * @throws IllegalStateException if the view is closed or can be trained
   */
  public void replaceWith(AdapterSource source, String id) throws IOException {
    replaceWith(source.fetch(id));
  }

  /**
   * As {@link #replaceWith(Path)}, with tensors that were computed.
   *
   * @param config what they adapt, e.g. {@link #config()}
   * @param tensors as {@link #tensors()} gives them: exactly those that the configuration means
   * @throws LoraException if a tensor is missing, of another shape, not finite or not of the
   *     configuration's, or the configuration does not fit the base; all is listed
   * @throws IllegalStateException if the view is closed or can be trained
   */
  public void replaceWith(LoraConfig config, Map<String, TensorData> tensors) {
    requireReplaceable();
    replace(OtherState.given(plan.tree(), config, tensors));
  }

  private void replaceWith(AdapterFiles files) throws IOException {
    requireReplaceable();
    AdapterState.read(
        base,
        files,
        next -> {
          replace(next);
          return next.plan();
        });
  }

  private void requireReplaceable() {
    if (trainable) {
      throw new IllegalStateException(
          "a view that can be trained is not replaced, since a training holds on to its tensors;"
              + " load the other adapter as a view of its own");
    }
  }

  private void replace(AdapterState next) {
    AdapterLayout layout = next.layout();
    synchronized (replacing) {
      view.replace(layout);
      plan = next.plan();
    }
  }

  /**
   * Native memory that the adapter holds, one that was replaced included while requests finish on
   * it.
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
    AdapterValues saved = withState(AdapterValues::new);
    AdapterWriter.write(directory, saved.plan(), saved.tensors());
  }

  /**
   * Saves the adapter and commits it to a repository on the hub, which is made if it is missing.
   *
   * <pre>{@code
   * HubCommit commit = peft.pushToHub("me/squad-bloom-3b", HubOptions.builder().token(token).build());
   * }</pre>
   *
   * @param id {@code owner/name}, or {@code name} for the owner of the token
   * @param options the token and the branch
   * @return the commit and its address
   * @throws io.github.lora4j.hub.HubException if the hub does not take it; the message says in
   *     which directory the adapter is, and what to repeat
   * @throws IOException if it cannot be saved
   */
  public HubCommit pushToHub(String id, HubOptions options) throws IOException {
    return pushToHub(id, options, PushOptions.defaults());
  }

  /**
   * As {@link #pushToHub(String, HubOptions)} with more to say on the repository and the commit.
   *
   * @param id {@code owner/name}, or {@code name} for the owner of the token
   * @param options the token and the branch
   * @param push who may see a new repository, the message, whether to open a pull request
   * @return the commit and its address
   * @throws io.github.lora4j.hub.HubException if the hub does not take it; the message says in
   *     which directory the adapter is, and what to repeat
   * @throws IOException if it cannot be saved
   */
  public HubCommit pushToHub(String id, HubOptions options, PushOptions push) throws IOException {
    return new AdapterPush(id, options, push).run(withState(AdapterValues::new));
  }

  /**
   * As {@link #pushToHub(String, HubOptions, PushOptions)}, saving into a directory that stays.
   *
   * @param directory as for {@link #save}; a card in it that somebody wrote is pushed as it is
   * @param id {@code owner/name}, or {@code name} for the owner of the token
   * @param options the token and the branch
   * @param push who may see a new repository, the message, whether to open a pull request
   * @return the commit and its address
   * @throws io.github.lora4j.hub.HubException if the hub does not take it; the message says what to
   *     repeat
   * @throws IOException if it cannot be saved
   */
  public HubCommit pushToHub(Path directory, String id, HubOptions options, PushOptions push)
      throws IOException {
    return new AdapterPush(id, options, push).run(withState(AdapterValues::new), directory);
  }

  /**
   * Gives the adapter's native memory back, at once or, if requests are in flight on this view,
   * when the last of them ends; the base stays. Closing twice does nothing.
   */
  @Override
  public void close() {
    view.close();
  }
}
