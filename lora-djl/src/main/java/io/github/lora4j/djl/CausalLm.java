package io.github.lora4j.djl;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.AdapterSegment;
import io.github.lora4j.djl.layer.AdapterSlot;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A causal language model: a base loaded from a checkpoint, or the view of one with an adapter
 * beside it ({@code peft.model()}). Both are used alike, and from any number of threads at once.
 *
 * <pre>{@code
 * try (CausalLm base = CausalLm.load("models/bloom-560m")) {
 *   System.out.println(base.tree());
 *   float[][][] scores = base.logits(base.tokenizer().encode("Hello"));
 * }
 * }</pre>
 *
 * <p>The weights of a base are never written: they are mapped from its files, frozen and shared by
 * all its views. Whoever loads a base closes it, after its views.
 *
 * @since 0.1.0
 */
public final class CausalLm implements AutoCloseable {

  private final Decoder decoder;
  private final Tokenizer tokenizer;
  private final LoadOptions options;
  private final Path source;
  private final @Nullable AdapterSlot slot;
  private final List<String> wordMatrices;

  /**
   * A model.
   *
   * @param source the directory of the checkpoint, whose configuration and tokenizer are saved with
   *     a merged model
   */
  CausalLm(
      Decoder decoder,
      Tokenizer tokenizer,
      LoadOptions options,
      Path source,
      @Nullable AdapterSlot slot) {
    this(decoder, tokenizer, options, source, slot, wordMatrices(decoder));
  }

  private CausalLm(
      Decoder decoder,
      Tokenizer tokenizer,
      LoadOptions options,
      Path source,
      @Nullable AdapterSlot slot,
      List<String> wordMatrices) {
    this.decoder = decoder;
    this.tokenizer = tokenizer;
    this.options = options;
    this.source = source;
    this.slot = slot;
    this.wordMatrices = wordMatrices;
  }

  /** A view of this base. */
  CausalLm beside(AdapterSlot held) {
    return new CausalLm(decoder, tokenizer, options, source, held, wordMatrices);
  }

  /** A base whose weights carry the adapter. */
  CausalLm merged(AdapterWeights weights) {
    return new CausalLm(decoder.merged(weights), tokenizer.shared(), options, source, null);
  }

  /** Matrices with a row for each word, of which an adapter may bring others with other rows. */
  private static List<String> wordMatrices(Decoder decoder) {
    return decoder.modules().modules().stream()
        .filter(module -> hasWords(module, decoder.vocabulary()))
        .map(module -> module.path() + ".weight")
        .toList();
  }

  private static boolean hasWords(TargetModule module, int vocabulary) {
    return switch (module.kind()) {
      case OUTPUT_HEAD -> true;
      case EMBEDDING -> module.inFeatures() == vocabulary;
      case LINEAR, OTHER -> false;
    };
  }

  /**
   * Loads a base in fp32 on the CPU, from a directory or from the hub.
   *
   * @param directoryOrId a Hugging Face model directory; if there is none of this name, an id on
   *     the hub such as {@code bigscience/bloom-560m}
   * @return the base, to be closed by the caller
   * @throws io.github.lora4j.hub.HubException if the hub cannot give it
   * @throws IOException if a file cannot be read
   * @throws io.github.lora4j.LoraException if it is no model of a known family
   */
  public static CausalLm load(String directoryOrId) throws IOException {
    return load(directoryOrId, LoadOptions.builder().build());
  }

  /**
   * Loads a base from a directory or from the hub. Of a model on the hub the small files are loaded
   * first; if its family is not known, or its weights exceed the memory budget, they are not
   * loaded.
   *
   * @param directoryOrId a Hugging Face model directory; if there is none of this name, an id on
   *     the hub such as {@code bigscience/bloom-560m}
   * @param options precision, device, memory, and how to use the hub
   * @return the base, to be closed by the caller
   * @throws io.github.lora4j.hub.HubException if the hub cannot give it
   * @throws IOException if a file cannot be read
   * @throws io.github.lora4j.LoraException if it is no model of a known family, or its weights
   *     exceed the memory budget
   */
  public static CausalLm load(String directoryOrId, LoadOptions options) throws IOException {
    return ModelDirectory.load(directoryOrId, options);
  }

  /**
   * Loads a base: {@code config.json}, {@code tokenizer.json}, {@code tokenizer_config.json}, and
   * the weights in {@code model.safetensors} or the shards of {@code model.safetensors.index.json}.
   *
   * @param directory a Hugging Face model directory
   * @param options precision, device, memory
   * @return the base, to be closed by the caller
   * @throws IOException if a file cannot be read
   * @throws io.github.lora4j.LoraException if the directory holds no model of a known family, or
   *     its weights exceed the memory budget
   */
  public static CausalLm load(Path directory, LoadOptions options) throws IOException {
    return ModelDirectory.load(directory, options);
  }

  /**
   * Modules and parameters of a checkpoint from its {@code config.json} alone: no weight and no
   * tokenizer is read, or has to be there. Enough to print the tree, to plan and to count.
   *
   * <pre>{@code
   * ModuleTree bloom3b = CausalLm.modules(Path.of("bloom-3b/config.json"));
   * System.out.println(LoraPlan.of(bloom3b, config).parameterCount());
   * }</pre>
   *
   * @param directoryOrConfig a Hugging Face model directory, or the file itself
   * @return the tree
   * @throws IOException if the file is missing or cannot be read
   * @throws io.github.lora4j.LoraException if it describes no model of a known family
   */
  public static ModuleTree modules(Path directoryOrConfig) throws IOException {
    return ModelDirectory.modules(directoryOrConfig);
  }

  /**
   * The module tree as PyTorch prints it, with the names of the checkpoint.
   *
   * @return several lines
   */
  public String tree() {
    return decoder.modules().toString();
  }

  /**
   * Modules and parameters of the base.
   *
   * @return the tree
   */
  public ModuleTree modules() {
    return decoder.modules();
  }

  /**
   * How the matrices of the base are stored.
   *
   * @return what was asked for on loading, or what {@link Precision#AUTO} became
   */
  public Precision precision() {
    return Precision.of(decoder.arithmetic().storage());
  }

  /**
   * Who multiplies the matrices of the base. If that is to be measured and has not been, it is
   * measured now.
   *
   * @return MKL or ONEDNN; empty where there is no choice, because the layers compute in half
   *     precision or on a GPU
   */
  public Optional<MatrixLibrary> matrixLibrary() {
    return decoder.arithmetic().products().library().map(MatrixLibrary::of);
  }

  /**
   * The tokenizer of the checkpoint.
   *
   * @return shared by all views
   */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /**
   * Scores every position of every row, rows of any length, in one pass.
   *
   * @param rows token ids, at least one in each row
   * @return [row][position][vocabulary], fp32
   * @throws IllegalArgumentException if a row is empty or an id outside the vocabulary
   */
  public float[][][] logits(int[]... rows) {
    if (rows.length == 0) {
      return new float[0][][];
    }
    checkIds(rows);
    TokenBatch batch = TokenBatch.of(rows);
    if (slot == null) {
      return logits(batch, List.of());
    }
    AdapterWeights held = slot.acquire();
    try {
      return logits(batch, List.of(new AdapterSegment(held, 0, rows.length)));
    } finally {
      held.release();
    }
  }

  /**
   * Scores every position of every row, each under its own adapter or none, in one pass: the base
   * is computed once for all rows, and what the adapters add is grouped by adapter, in whatever
   * order the rows come.
   *
   * <pre>{@code
   * float[][][] scores = base.logits(List.of(base, qa.model(), mail.model(), qa.model()), rows);
   * }</pre>
   *
   * @param models the model of each row: the base, or a view of it
   * @param rows token ids, at least one in each row, rows of any length
   * @return [row][position][vocabulary of the row's model], fp32; equal to what the row's model
   *     gives it alone, but for the rounding of the device
   * @throws IllegalArgumentException if there are not as many models as rows, naming every row
   *     whose model is a view of another base, or if a row is empty or an id outside the vocabulary
   * @throws IllegalStateException if an adapter is closed, naming all such rows
   */
  public float[][][] logits(List<CausalLm> models, int[]... rows) {
    MixedRows.check(this, models, rows.length);
    checkIds(models, rows);
    if (rows.length == 0) {
      return new float[0][][];
    }
    try (MixedRows mixed = new MixedRows(models)) {
      return mixed.restored(logits(mixed.batch(rows), mixed.segments()));
    }
  }

  private float[][][] logits(TokenBatch batch, List<AdapterSegment> segments) {
    try (Pass pass = Pass.held(decoder.manager(), batch, segments)) {
      return split(decoder.logits(pass, false), batch);
    }
  }

  private float[][][] split(NDArray logits, TokenBatch batch) {
    float[][][] result = new float[batch.rows()][][];
    long start = 0;
    for (int row = 0; row < batch.rows(); row++) {
      result[row] = new float[batch.lengths()[row]][];
      for (int position = 0; position < result[row].length; position++) {
        try (NDArray one = logits.get(start++)) {
          result[row][position] = one.toFloatArray();
        }
      }
    }
    return result;
  }

  /**
   * Size of the vocabulary: the base's, or that of the adapter, if it was trained with another.
   *
   * @return V, the width of {@link #logits}
   */
  public int vocabulary() {
    if (slot == null) {
      return decoder.vocabulary();
    }
    AdapterWeights adapter = slot.current();
    return wordMatrices.stream()
        .map(adapter::rowsOfOwn)
        .filter(OptionalInt::isPresent)
        .mapToInt(OptionalInt::getAsInt)
        .findFirst()
        .orElse(decoder.vocabulary());
  }

  /**
   * Checks that all ids stand in the vocabulary; the kernels do not.
   *
   * @param rows token ids
   * @throws IllegalArgumentException naming the first id that does not
   */
  public void checkIds(int[]... rows) {
    checkIds(Collections.nCopies(rows.length, this), rows);
  }

  /**
   * Checks that all ids stand in the vocabulary of the model of their row.
   *
   * @param models one a row
   * @param rows token ids
   * @throws IllegalArgumentException naming the first id that does not
   */
  public static void checkIds(List<CausalLm> models, int[]... rows) {
    for (int row = 0; row < rows.length; row++) {
      int vocabulary = models.get(row).vocabulary();
      for (int position = 0; position < rows[row].length; position++) {
        int id = rows[row][position];
        if (id < 0 || id >= vocabulary) {
          throw new IllegalArgumentException(
              "token id %d at position %d of row %d: the vocabulary has ids 0 to %d"
                  .formatted(id, position, row, vocabulary - 1));
        }
      }
    }
  }

  /**
   * The model behind, for training and generation code.
   *
   * @return the decoder, shared by all views
   */
  public Decoder decoder() {
    return decoder;
  }

  /**
   * What the base was loaded with.
   *
   * @return the options, shared by all views
   */
  public LoadOptions options() {
    return options;
  }

  /**
   * The adapter's tensors in native memory, as they are at this moment: the view may be replaced or
   * closed at the next, unless it can be trained.
   *
   * @return empty for a bare base
   */
  public Optional<AdapterWeights> adapter() {
    return adapterSlot().map(AdapterSlot::current);
  }

  /**
   * Where the adapter stands, for code that takes it once for a whole request.
   *
   * @return empty for a bare base
   */
  public Optional<AdapterSlot> adapterSlot() {
    return Optional.ofNullable(slot);
  }

  /**
   * A batch of this model's rows, all under its adapter if it has one.
   *
   * @param rows number of sequences
   * @return at most one segment
   */
  public List<AdapterSegment> segments(int rows) {
    return adapter().map(own -> List.of(new AdapterSegment(own, 0, rows))).orElse(List.of());
  }

  /**
   * Writes a merged model, or any base, as a Hugging Face model directory that transformers and
   * {@link #load} read; see {@link #save(Path, long)}. Files of weights hold 5 GB at most.
   *
   * <pre>{@code
   * try (CausalLm merged = peft.merge()) {
   *   merged.save(Path.of("bloom-560m-squad"));
   * }
   * }</pre>
   *
   * @param directory made if it is not there; a model in it is replaced
   * @throws IOException if a file cannot be read or written
   * @throws IllegalArgumentException if the directory is the one that the base was loaded from
   * @throws IllegalStateException if this is the model of a view, or its matrices are int8
   */
  public void save(Path directory) throws IOException {
    save(directory, ModelWriter.SHARD_BYTES);
  }

  /**
   * Writes a merged model, or any base, as a Hugging Face model directory: {@code
   * model.safetensors}, or shards with an index; {@code config.json}; generation settings and files
   * of the tokenizer as they stand in the directory that the base was loaded from. All appear or
   * none. Matrices are written in the type that they are stored in, vectors too where that loses
   * nothing, else in fp32: loaded in the same precision, the model gives the same logits bit for
   * bit. The heap holds a few megabytes of the weights at a time.
   *
   * @param directory made if it is not there; a model in it is replaced
   * @param maxShardBytes most bytes of weights in one file
   * @throws IOException if a file cannot be read or written
   * @throws IllegalArgumentException if the directory is the one that the base was loaded from, or
   *     a shard shall hold nothing
   * @throws IllegalStateException if this is the model of a view, or its matrices are int8
   */
  public void save(Path directory, long maxShardBytes) throws IOException {
    if (slot != null) {
      throw new IllegalStateException(
          "this is a view of a base with an adapter beside it: save what merge() of its PeftModel"
              + " gives, or the adapter alone by PeftModel.save");
    }
    ModelWriter.write(this, source, directory, maxShardBytes);
  }

  /** Gives the weights of a base back. A view's model owns nothing: closing it does nothing. */
  @Override
  public void close() {
    if (slot == null) {
      decoder.close();
      tokenizer.close();
    }
  }
}
