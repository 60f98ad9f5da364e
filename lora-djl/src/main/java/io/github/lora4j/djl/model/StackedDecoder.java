package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.WeightWriter;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.ShardedWriter;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.List;

/** A model of any family: its entry, its blocks one after the other, its head. */
public final class StackedDecoder implements Decoder {

  private final ModelFamily family;
  private final ModuleTree tree;
  private final Parts parts;
  private final Stack stack;

  private StackedDecoder(ModelFamily family, ModuleTree tree, Parts parts) {
    this.family = family;
    this.tree = tree;
    this.parts = parts;
    this.stack = family.assemble(parts);
  }

  /**
   * Reads a checkpoint.
   *
   * @param family its shape
   * @param files its tensors
   * @param name what to call the model in messages and adapters
   * @param arithmetic what the numbers are stored and computed in
   * @param manager owner of the weights; closed with the model
   * @return the model
   * @throws IOException if a file cannot be read
   * @throws io.github.lora4j.LoraException if the checkpoint is not of this model
   */
  public static StackedDecoder read(
      ModelFamily family, Safetensors files, String name, Arithmetic arithmetic, NDManager manager)
      throws IOException {
    ModuleTree tree = family.tree(name);
    CheckpointWeights weights =
        CheckpointWeights.read(
            files,
            tree.parameters(),
            family,
            arithmetic,
            manager,
            "%s (%s)".formatted(name, family.shape()));
    return new StackedDecoder(family, tree, new Parts(weights, manager, arithmetic));
  }

  @Override
  public StackedDecoder merged(AdapterWeights adapter) {
    NDManager own = Engines.newManager(manager().getDevice());
    try {
      CheckpointWeights weights = parts.weights().merged(adapter, words(), own);
      // without the base's name: an adapter trained on the merged model is not one for the base
      return new StackedDecoder(family, family.tree(""), new Parts(weights, own, arithmetic()));
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  private List<String> words() {
    return tree.modules().stream()
        .filter(module -> module.kind() == Kind.EMBEDDING || module.kind() == Kind.OUTPUT_HEAD)
        .map(TargetModule::path)
        .toList();
  }

  @Override
  public void addTo(ShardedWriter files) {
    WeightWriter writer = new WeightWriter(files, arithmetic().storage());
    parts.weights().addTo(writer, tree.parameters(), family.aliases());
  }

  @Override
  public FrozenMatrix matrix(String path) {
    return parts.weights().matrix(path + ".weight");
  }

  @Override
  public NDArray logits(Pass pass, boolean lastOnly) {
    NDArray x = run(pass);
    NDArray logits = stack.head().logits(x, pass, lastOnly);
    x.close();
    return logits;
  }

  @Override
  public double loss(Pass pass, double scale) {
    return stack.head().loss(run(pass), pass, scale, false).loss();
  }

  /** All blocks with nothing kept. */
  private NDArray run(Pass pass) {
    NDArray x = stack.entry().forward(pass, Tape.off()); // (N, D)
    for (Block block : stack.blocks()) {
      NDArray y = block.forward(x, pass, Tape.off()); // (N, D)
      x.close();
      x = y;
    }
    return x;
  }

  @Override
  public double lossAndGradients(Pass pass, double scale, int keptLayers) {
    return new StackBackward(stack, keptLayers).run(pass, scale);
  }

  @Override
  public KeyValueCache newCache(int rows, int capacity) {
    Stack.CacheForm form = stack.cache();
    int[] windows = form.windows().stream().mapToInt(Integer::intValue).toArray();
    return new KeyValueCache(
        manager(), computeType(), windows, rows, form.heads(), form.width(), capacity);
  }

  @Override
  public ModuleTree modules() {
    return tree;
  }

  @Override
  public TensorData parameter(String name) {
    String stored = storedName(name);
    try (NDManager scope = manager().newSubManager()) {
      NDArray values = parts.weights().values(stored, scope);
      List<Long> shape =
          tree.parameters().stream()
              .filter(parameter -> parameter.name().equals(stored))
              .map(ParameterInfo::shape)
              .findFirst()
              .orElseThrow();
      return new TensorData(shape, values.toFloatArray());
    }
  }

  private String storedName(String name) {
    return family.tied().getOrDefault(name, name);
  }

  @Override
  public boolean holds(String name, int firstRow, TensorData rows) {
    long[] shape = rows.shape().stream().mapToLong(Long::longValue).toArray();
    try (NDManager scope = manager().newSubManager()) {
      NDArray given = scope.create(rows.values(), new Shape(shape));
      return parts.weights().matrix(storedName(name)).holds(firstRow, given, scope);
    }
  }

  @Override
  public NDManager manager() {
    return parts.manager();
  }

  @Override
  public int vocabulary() {
    return family.vocabulary();
  }

  @Override
  public Arithmetic arithmetic() {
    return parts.arithmetic();
  }

  @Override
  public long weightBytes() {
    return parts.weights().bytes();
  }

  @Override
  public void close() {
    manager().close();
  }
}
