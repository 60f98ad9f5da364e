package io.github.lora4j.djl.block;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBaseBlock;
import ai.djl.nn.Block;
import ai.djl.nn.BlockList;
import ai.djl.nn.Parameter;
import ai.djl.nn.ParameterList;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.PairList;
import io.github.lora4j.LoraException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A block with an adapter beside it: what {@code PeftModel.wrap(block, config).model()} gives, to
 * be trained, predicted with and saved like any block of DJL.
 *
 * <pre>{@code
 * PeftModel<Block> peft = PeftModel.wrap(block, config);
 * model.setBlock(peft.model());
 * }</pre>
 *
 * <p>The base asks for its weights as ever and gets {@code W + s·BA} for an adapted one, computed
 * anew in each forward: r multiplications and one write for each element of W, whatever the batch.
 *
 * <ul>
 *   <li>The adapter's are the only parameters that DJL finds here. The base is neither a child nor
 *       in the list, so that nothing can thaw, initialise, cast or clear it; see {@link #base()}.
 *   <li>Running averages of norms are the base's too: training normalises by the batch as the block
 *       always does, and leaves the averages as they were.
 *   <li>{@code Model.save} writes everything, base and adapter. {@code Model.load} into a block of
 *       the same architecture, wrapped alike, predicts the same: weights that the base has are
 *       shared as before; those that it has not are kept by this view alone, and the base stays.
 *       For the adapter alone there is {@code PeftModel.save}.
 *   <li>Predicting is safe from many threads, each with a {@code Predictor} of its own, also
 *       through several views of one base.
 * </ul>
 *
 * @since 0.1.0
 */
public final class PeftBlock extends AbstractBaseBlock {

  private final Block base;
  private final BlockTree tree;
  private final BlockAdapter adapter;

  PeftBlock(Block base, BlockTree tree, BlockAdapter adapter) {
    this.base = base;
    this.tree = tree;
    this.adapter = adapter;
    this.inputShapes = base.getInputShapes();
    this.inputNames = names(inputShapes);
  }

  /**
   * The block that was wrapped.
   *
   * @return shared by all views; its weights are frozen and never written
   */
  public Block base() {
    return base;
  }

  @Override
  protected NDList forwardInternal(
      ParameterStore store,
      NDList inputs,
      boolean training,
      @Nullable PairList<String, Object> params) {
    return run(store, inputs, adapted -> base.forward(adapted, inputs, training, params));
  }

  @Override
  protected NDList forwardInternal(
      ParameterStore store, NDList data, NDList labels, @Nullable PairList<String, Object> params) {
    return run(store, data, adapted -> base.forward(adapted, data, labels, params));
  }

  /**
   * Weights live from here to the end of the forward; what autograd still needs of them then, it
   * holds itself.
   */
  private NDList run(
      ParameterStore store, NDList inputs, Function<ParameterStore, NDList> forward) {
    adapter.acquire();
    NDManager owner = inputs.isEmpty() ? store.getManager() : inputs.head().getManager();
    try (NDManager scope = owner.newSubManager()) {
      NDList outputs = forward.apply(new AdaptedStore(store, adapter, scope));
      for (NDArray output : outputs) {
        if (output.getManager() == scope) { // the result of a call on an adapted weight
          output.attach(owner);
        }
      }
      return outputs;
    } finally {
      adapter.release();
    }
  }

  /** Notes the shapes; base and adapter have their values already. */
  @Override
  public void initialize(NDManager manager, DataType dataType, Shape... inputShapes) {
    this.inputShapes = inputShapes;
    this.inputNames = names(inputShapes);
  }

  private static List<String> names(Shape[] shapes) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < shapes.length; i++) {
      names.add("data" + i);
    }
    return names;
  }

  @Override
  public boolean isInitialized() {
    return true;
  }

  /** Freezes or thaws the adapter; one that was loaded for inference stays frozen. */
  @Override
  public void freezeParameters(boolean freeze) {
    freezeParameters(freeze, parameter -> true);
  }

  /** Freezes or thaws the adapter; one that was loaded for inference stays frozen. */
  @Override
  public void freezeParameters(boolean freeze, Predicate<Parameter> which) {
    adapter.parameters().values().stream()
        .filter(which)
        .forEach(parameter -> parameter.freeze(freeze || !adapter.trainable()));
  }

  /** Does nothing: base and adapter have their values already. */
  @Override
  public void setInitializer(Initializer initializer, Parameter.Type type) {}

  /** Does nothing: base and adapter have their values already. */
  @Override
  public void setInitializer(Initializer initializer, String parameter) {}

  /** Does nothing: base and adapter have their values already. */
  @Override
  public void setInitializer(Initializer initializer, Predicate<Parameter> which) {}

  /** Gives the adapter's memory back, as closing its {@code PeftModel} does; the base stays. */
  @Override
  public void clear() {
    adapter.close();
  }

  /**
   * The adapter's parameters, {@code PATH.lora_A} and so on.
   *
   * @return a copy of the list
   */
  @Override
  public ParameterList getDirectParameters() {
    return new ParameterList(adapter.parameters());
  }

  /**
   * No children: see {@link #base()}.
   *
   * @return an empty list
   */
  @Override
  public BlockList getChildren() {
    return new BlockList();
  }

  @Override
  public Shape[] getOutputShapes(Shape[] inputShapes) {
    return base.getOutputShapes(inputShapes);
  }

  @Override
  public Shape[] getOutputShapes(Shape[] inputShapes, DataType[] inputDataTypes) {
    return base.getOutputShapes(inputShapes, inputDataTypes);
  }

  @Override
  public DataType[] getOutputDataTypes() {
    return base.getOutputDataTypes();
  }

  /**
   * Gives another block the weights of this view: {@code W + s·BA} for an adapted one, the
   * adapter's own copies and the base's weights for the rest. It then computes what this view does,
   * with no adapter beside it. Base and adapter stay as they are.
   *
   * <pre>{@code
   * Block merged = architecture();                       // built as the base was
   * merged.initialize(manager, DataType.FLOAT32, shape);
   * ((PeftBlock) peft.model()).mergeInto(merged);
   * }</pre>
   *
   * @param target initialised, of the base's architecture, and not the base; all of it is
   *     overwritten, or none
   * @throws IllegalArgumentException if it is the base or shares a parameter with it
   * @throws LoraException if its parameters have other names, shapes or types, or a merged weight
   *     is NaN or infinite
   * @throws IllegalStateException if this view is closed, or the target is not initialised
   */
  public void mergeInto(Block target) {
    adapter.acquire();
    try (NDManager scope = adapter.manager().newSubManager()) {
      ParameterStore plain = new ParameterStore(scope, false);
      new MergedBlock(tree, new AdaptedStore(plain, adapter, scope)).writeTo(target);
    } finally {
      adapter.release();
    }
  }

  /** Writes base and adapter. */
  @Override
  public void saveParameters(DataOutputStream out) throws IOException {
    new SavedBlock(tree, adapter).write(out);
  }

  /**
   * Reads what {@link #saveParameters} wrote. A failure changes nothing.
   *
   * @param manager for what is only needed while reading
   * @param in the file
   * @throws IOException if reading fails
   * @throws MalformedModelException if the file is of another architecture or configuration
   */
  @Override
  public void loadParameters(NDManager manager, DataInputStream in)
      throws IOException, MalformedModelException {
    new SavedBlock(tree, adapter).read(manager, in);
  }

  @Override
  public String toString() {
    return "PeftBlock of %d tensors beside\n%s".formatted(adapter.parameters().size(), base);
  }
}
