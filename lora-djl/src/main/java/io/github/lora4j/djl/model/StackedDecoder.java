package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.internal.Subnormals;
import io.github.lora4j.djl.internal.WeightWriter;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import io.github.lora4j.djl.layer.Words;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.ShardedWriter;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A model of any family: its entry, its blocks one after the other, its head. */
public final class StackedDecoder implements Decoder {

  private static final String WEIGHT = ".weight";

  private final Json config;
  private final ModelFamily family;
  private final ModuleTree tree;
  private final Parts parts;
  private final Stack stack;
  private final int vocabulary;

  private StackedDecoder(Json config, ModelFamily family, ModuleTree tree, Parts parts) {
    this.config = config;
    this.family = family;
    this.tree = tree;
    this.parts = parts;
    this.stack = family.assemble(parts);
    this.vocabulary = parts.weights().words(pathOf(Kind.EMBEDDING));
  }

  /**
   * Reads a checkpoint.
   *
   * @param config its {@code config.json}
   * @param files its tensors
   * @param name what to call the model in messages and adapters
   * @param arithmetic what the numbers are stored and computed in
   * @param manager owner of the weights; closed with the model
   * @return the model
   * @throws IOException if a file cannot be read
   * @throws io.github.lora4j.LoraException if the checkpoint is not of this model
   */
  public static StackedDecoder read(
      Json config, Safetensors files, String name, Arithmetic arithmetic, NDManager manager)
      throws IOException {
    ModelFamily family = Families.of(config);
    ModuleTree tree = family.tree(name);
    CheckpointWeights weights =
        CheckpointWeights.read(
            files,
            tree.parameters(),
            family,
            arithmetic,
            manager,
            "%s (%s)".formatted(name, family.shape()));
    return new StackedDecoder(config, family, tree, new Parts(weights, manager, arithmetic));
  }

  @Override
  public StackedDecoder merged(AdapterWeights adapter) {
    NDManager own = Engines.newManager(manager().getDevice());
    try {
      Words words = words();
      CheckpointWeights weights = parts.weights().merged(adapter, words, own);
      Map<String, Object> changed =
          Map.of(
              "vocab_size",
              weights.words(words.embedding()),
              "tie_word_embeddings",
              !weights.has(words.head() + WEIGHT));
      Json shape = config.with(changed);
      ModelFamily other = Families.of(shape);
      // without the base's name: an adapter trained on the merged model is not one for the base
      return new StackedDecoder(
          shape, other, other.tree(""), new Parts(weights, own, arithmetic()));
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  private Words words() {
    String head = pathOf(Kind.OUTPUT_HEAD);
    return new Words(pathOf(Kind.EMBEDDING), head, family.tied().containsKey(head + WEIGHT));
  }

  private String pathOf(Kind kind) {
    return tree.modules().stream()
        .filter(module -> module.kind() == kind)
        .map(TargetModule::path)
        .findFirst()
        .orElseThrow();
  }

  @Override
  public void addTo(ShardedWriter files) {
    WeightWriter writer = new WeightWriter(files, arithmetic().storage());
    parts.weights().addTo(writer, tree.parameters(), family.aliases());
  }

  @Override
  public FrozenMatrix matrix(String path) {
    return parts.weights().matrix(storedName(path + WEIGHT));
  }

  @Override
  public NDArray logits(Pass pass, boolean lastOnly) {
    return Subnormals.flushed(
        () -> {
          NDArray x = run(pass);
          NDArray logits = stack.head().logits(x, pass, lastOnly);
          x.close();
          return logits;
        });
  }

  @Override
  public double loss(Pass pass, double scale) {
    return Subnormals.flushed(() -> stack.head().loss(run(pass), pass, scale, false).loss());
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
    return Subnormals.flushed(() -> new StackBackward(stack, keptLayers).run(pass, scale));
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
    if (shape.length == 1) {
      return Arrays.equals(parts.weights().vector(name).toFloatArray(), rows.values());
    }
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
    return vocabulary;
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
