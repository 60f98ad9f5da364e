package io.github.lora4j.djl.model.bloom;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.FusedAttention;
import io.github.lora4j.djl.internal.WeightWriter;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.AlibiAttention;
import io.github.lora4j.djl.layer.Embedding;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Projection;
import io.github.lora4j.djl.layer.Tape;
import io.github.lora4j.djl.layer.Words;
import io.github.lora4j.djl.model.CheckpointWeights;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.ShardedWriter;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * BLOOM: an embedding and its norm, blocks of attention with ALiBi and a feed-forward layer, a last
 * norm, and a head tied to the embedding.
 *
 * @see <a href="https://arxiv.org/abs/2211.05100">Le Scao et al. 2022, section 3.2</a>
 */
public final class BloomModel implements Decoder {

  private static final String PREFIX = "transformer.";
  private static final String TABLE = PREFIX + BloomEmbedding.NAME;

  private final BloomConfig config;
  private final ModuleTree tree;
  private final CheckpointWeights weights;
  private final NDManager manager;
  private final Arithmetic arithmetic;

  private final BloomEmbedding embedding;
  private final List<BloomBlock> blocks = new ArrayList<>();
  private final LossHead head;

  private BloomModel(
      BloomConfig config,
      ModuleTree tree,
      CheckpointWeights weights,
      NDManager manager,
      Arithmetic arithmetic) {
    this.config = config;
    this.tree = tree;
    this.weights = weights;
    this.manager = manager;
    this.arithmetic = arithmetic;
    FrozenMatrix table = weights.matrix(TABLE + ".weight"); // (V, D)
    NDArray slopes = AlibiAttention.slopes(manager, config.heads()); // (H)
    this.embedding =
        new BloomEmbedding(
            new Embedding(TABLE, table, arithmetic.compute()), norm(TABLE + "_layernorm"));
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, slopes));
    }
    FrozenMatrix output =
        config.tied() ? table : weights.matrix(BloomTree.HEAD + ".weight"); // (V, D)
    this.head =
        new LossHead(norm(PREFIX + "ln_f"), output, BloomTree.HEAD, config.tied() ? TABLE : null);
  }

  /**
   * Reads a checkpoint.
   *
   * @param config its shape
   * @param files its tensors
   * @param name what to call the model in messages and adapters
   * @param arithmetic what the numbers are stored and computed in
   * @param manager owner of the weights; closed with the model
   * @return the model
   * @throws IOException if a file cannot be read
   */
  public static BloomModel read(
      BloomConfig config, Safetensors files, String name, Arithmetic arithmetic, NDManager manager)
      throws IOException {
    ModuleTree tree = BloomTree.of(config, name);
    CheckpointWeights weights =
        CheckpointWeights.read(
            files,
            tree.parameters(),
            PREFIX,
            Set.of(BloomTree.HEAD + ".weight"),
            arithmetic,
            manager,
            "%s (bloom, %d layers of width %d)".formatted(name, config.layers(), config.hidden()));
    return new BloomModel(config, tree, weights, manager, arithmetic);
  }

  @Override
  public BloomModel merged(AdapterWeights adapter) {
    NDManager own = Engines.newManager(manager.getDevice());
    try {
      CheckpointWeights merged =
          weights.merged(adapter, new Words(TABLE, BloomTree.HEAD, config.tied()), own);
      BloomConfig shape = config.of(merged.words(TABLE), !merged.has(BloomTree.HEAD));
      // without the base's name: an adapter trained on the merged model is not one for the base
      return new BloomModel(shape, BloomTree.of(shape, ""), merged, own, arithmetic);
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  @Override
  public void addTo(ShardedWriter files) {
    weights.addTo(new WeightWriter(files, arithmetic.storage()), tree.parameters());
  }

  /**
   * The modules of a shape, without weights: enough to match targets and to count.
   *
   * @param config the shape
   * @param name what to call the model
   * @return its tree
   */
  public static ModuleTree tree(BloomConfig config, String name) {
    return BloomTree.of(config, name);
  }

  private BloomBlock block(int layer, NDArray slopes) {
    String path = PREFIX + "h." + layer + ".";
    boolean fused = FusedAttention.serves(manager.getDevice(), arithmetic.compute());
    return new BloomBlock(
        norm(path + "input_layernorm"),
        projection(path + "self_attention.query_key_value"),
        new AlibiAttention(layer, slopes, fused),
        projection(path + "self_attention.dense"),
        norm(path + "post_attention_layernorm"),
        new Mlp(projection(path + "mlp.dense_h_to_4h"), projection(path + "mlp.dense_4h_to_h")));
  }

  private Norm norm(String path) {
    return new Norm(
        path, weights.vector(path + ".weight"), weights.vector(path + ".bias"), config.epsilon());
  }

  private Projection projection(String path) {
    return new Projection(path, weights.matrix(path + ".weight"), weights.vector(path + ".bias"));
  }

  @Override
  public NDArray logits(Pass pass, boolean lastOnly) {
    NDArray x = run(pass);
    NDArray logits = head.logits(x, pass, lastOnly);
    x.close();
    return logits;
  }

  @Override
  public double loss(Pass pass, double scale) {
    return head.loss(run(pass), pass, scale, false).loss();
  }

  /** All blocks with nothing kept. */
  private NDArray run(Pass pass) {
    NDArray x = embedding.forward(pass, Tape.off()); // (N, D)
    for (BloomBlock block : blocks) {
      NDArray y = block.forward(x, pass, Tape.off()); // (N, D)
      x.close();
      x = y;
    }
    return x;
  }

  @Override
  public double lossAndGradients(Pass pass, double scale, int keptLayers) {
    return new BloomBackward(blocks, embedding, PREFIX, head, keptLayers).run(pass, scale);
  }

  @Override
  public KeyValueCache newCache(int rows, int capacity) {
    return new KeyValueCache(
        manager,
        computeType(),
        config.layers(),
        rows,
        config.heads(),
        config.headWidth(),
        capacity);
  }

  @Override
  public ModuleTree modules() {
    return tree;
  }

  @Override
  public TensorData parameter(String name) {
    String stored = storedName(name);
    try (NDManager scope = manager.newSubManager()) {
      NDArray values = weights.values(stored, scope);
      List<Long> shape =
          tree.parameters().stream()
              .filter(parameter -> parameter.name().equals(stored))
              .map(ParameterInfo::shape)
              .findFirst()
              .orElseThrow();
      return new TensorData(shape, values.toFloatArray());
    }
  }

  /** A tied head is the embedding's table. */
  private String storedName(String name) {
    return config.tied() && name.equals(BloomTree.HEAD + ".weight") ? TABLE + ".weight" : name;
  }

  @Override
  public boolean holds(String name, int firstRow, TensorData rows) {
    long[] shape = rows.shape().stream().mapToLong(Long::longValue).toArray();
    try (NDManager scope = manager.newSubManager()) {
      NDArray given = scope.create(rows.values(), new Shape(shape));
      return weights.matrix(storedName(name)).holds(firstRow, given, scope);
    }
  }

  @Override
  public FrozenMatrix matrix(String path) {
    return weights.matrix(storedName(path + ".weight"));
  }

  @Override
  public NDManager manager() {
    return manager;
  }

  @Override
  public int vocabulary() {
    return config.vocabulary();
  }

  @Override
  public Arithmetic arithmetic() {
    return arithmetic;
  }

  @Override
  public long weightBytes() {
    return weights.bytes();
  }

  @Override
  public void close() {
    manager.close();
  }
}
