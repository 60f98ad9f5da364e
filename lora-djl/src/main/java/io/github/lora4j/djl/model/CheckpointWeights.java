package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.internal.WeightReader;
import io.github.lora4j.djl.internal.WeightWriter;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.Merging;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.ParameterInfo;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds the parameters that a model wants in a checkpoint and reads them, or says in one message
 * all that is missing, too much or of another shape.
 */
public final class CheckpointWeights {

  private static final int LISTED = 20;

  private final Map<String, NDArray> vectors = new LinkedHashMap<>();
  private final Map<String, FrozenMatrix> matrices = new LinkedHashMap<>();
  private long bytes;

  private CheckpointWeights() {}

  /**
   * Reads all parameters. Matrices get the storage type, one-dimensional ones stay in fp32.
   *
   * @param files the checkpoint
   * @param wanted names and shapes as the model has them
   * @param family what its checkpoints may leave out, or hold besides
   * @param arithmetic how the matrices are stored and multiplied
   * @param manager owner of the arrays
   * @param name what to call the model in messages
   * @return the arrays by the model's names
   * @throws IOException if a file cannot be read
   * @throws LoraException if the checkpoint is not of this model
   */
  public static CheckpointWeights read(
      Safetensors files,
      List<ParameterInfo> wanted,
      ModelFamily family,
      Arithmetic arithmetic,
      NDManager manager,
      String name)
      throws IOException {
    Map<String, TensorEntry> found = match(files, wanted, family, name);
    CheckpointWeights weights = new CheckpointWeights();
    try (WeightReader reader = new WeightReader(files, manager)) {
      for (ParameterInfo parameter : wanted) {
        TensorEntry entry = Optional.ofNullable(found.get(parameter.name())).orElseThrow();
        if (parameter.shape().size() == 1) {
          weights.vectors.put(parameter.name(), reader.read(entry, ScalarType.FP32));
          weights.bytes += parameter.elements() * ScalarType.FP32.bytes();
        } else {
          boolean across = family.isTransposed(parameter.name());
          weights.matrices.put(
              parameter.name(), weights.matrix(entry, across, arithmetic, reader, manager));
        }
      }
    }
    return weights;
  }

  /**
   * The same weights with an adapter merged into them; what it does not touch is shared.
   *
   * @param adapter what to merge
   * @param words paths of embedding and head
   * @param manager owner of the arrays
   * @return new handles, as independent of these as if they were read again
   * @throws LoraException if a merged weight is not finite, or the adapter changes the words
   */
  public CheckpointWeights merged(AdapterWeights adapter, List<String> words, NDManager manager) {
    CheckpointWeights merged = new CheckpointWeights();
    merged.bytes = bytes;
    try (Merging merging = new Merging(adapter, manager)) {
      merging.refuseWords(words);
      matrices.forEach((name, base) -> merged.matrices.put(name, merging.matrix(name, base)));
      vectors.forEach((name, base) -> merged.vectors.put(name, merging.vector(name, base)));
      merging.check();
    }
    return merged;
  }

  /**
   * Puts all parameters into a checkpoint, as they are stored.
   *
   * @param writer of the type of the matrices
   * @param parameters names and shapes
   * @param aliases names that checkpoints have instead, by these
   */
  public void addTo(
      WeightWriter writer, List<ParameterInfo> parameters, Map<String, String> aliases) {
    for (ParameterInfo parameter : parameters) {
      String name = parameter.name();
      String filed = aliases.getOrDefault(name, name);
      if (matrices.containsKey(name)) {
        matrix(name).addTo(writer, filed, parameter.shape());
      } else {
        writer.vector(filed, parameter.shape(), vector(name));
      }
    }
  }

  private FrozenMatrix matrix(
      TensorEntry entry,
      boolean across,
      Arithmetic arithmetic,
      WeightReader reader,
      NDManager manager)
      throws IOException {
    ScalarType type = arithmetic.storage();
    bytes += entry.elements() * type.bytes();
    if (type != ScalarType.INT8) {
      FrozenMatrix matrix = new FrozenMatrix(reader.read(entry, type), null, arithmetic.products());
      return across ? matrix.across(manager) : matrix;
    }
    bytes += entry.shape().get(across ? 1 : 0) * ScalarType.FP32.bytes();
    if (across) { // the scales are those of columns in the file
      NDArray whole = reader.read(entry, ScalarType.FP32); // (in, out)
      FrozenMatrix matrix = FrozenMatrix.int8Across(whole, arithmetic.products(), manager);
      whole.close();
      return matrix;
    }
    WeightReader.Quantised stored = reader.readInt8(entry);
    return new FrozenMatrix(stored.values(), stored.scales(), arithmetic.products());
  }

  private static Map<String, TensorEntry> match(
      Safetensors files, List<ParameterInfo> wanted, ModelFamily family, String name) {
    String prefix = family.prefix();
    Map<String, TensorEntry> found = new HashMap<>();
    Set<String> used = new HashSet<>();
    List<String> problems = new ArrayList<>();
    for (ParameterInfo parameter : wanted) {
      String full = parameter.name();
      String bare = full.startsWith(prefix) ? full.substring(prefix.length()) : full;
      String alias = family.aliases().getOrDefault(full, full);
      Optional<TensorEntry> entry =
          files.find(full).or(() -> files.find(bare)).or(() -> files.find(alias));
      if (entry.isEmpty()) {
        problems.add(parameter.name() + ": missing, wanted " + text(parameter.shape()));
        continue;
      }
      used.add(entry.get().name());
      if (!entry.get().shape().equals(parameter.shape())) {
        problems.add(
            "%s: file %s, model %s"
                .formatted(parameter.name(), text(entry.get().shape()), text(parameter.shape())));
      } else if (!entry.get().dtype().isFloatingPoint()) {
        problems.add(
            "%s: stored as %s, wanted a floating type"
                .formatted(parameter.name(), entry.get().dtype()));
      }
      found.put(parameter.name(), entry.get());
    }
    for (TensorEntry entry : files.tensors()) {
      if (!used.contains(entry.name()) && !mayStand(entry.name(), family)) {
        problems.add(entry.name() + ": not part of the model");
      }
    }
    if (!problems.isEmpty()) {
      int listed = Math.min(LISTED, problems.size());
      String more =
          problems.size() > listed ? "\n  … and %d more".formatted(problems.size() - listed) : "";
      throw new LoraException(
          "the checkpoint does not fit %s (%d %s with %d wanted tensors):\n  %s%s"
              .formatted(
                  name,
                  problems.size(),
                  problems.size() == 1 ? "problem" : "problems",
                  wanted.size(),
                  String.join("\n  ", problems.subList(0, listed)),
                  more));
    }
    return found;
  }

  /** A tied head is the embedding by another name; buffers are made anew. */
  private static boolean mayStand(String name, ModelFamily family) {
    return family.tied().containsKey(name)
        || family.buffers().stream().anyMatch(end -> name.endsWith(end));
  }

  private static String text(List<Long> shape) {
    return shape.toString().replace('[', '(').replace(']', ')');
  }

  /**
   * Whether a parameter is there.
   *
   * @param name in the model's words
   * @return true if it was wanted
   */
  public boolean has(String name) {
    return matrices.containsKey(name) || vectors.containsKey(name);
  }

  /**
   * A matrix by the model's name for it.
   *
   * @param name one of the wanted names
   * @return the matrix, as it is stored
   */
  public FrozenMatrix matrix(String name) {
    return require(matrices, name);
  }

  /**
   * A one-dimensional parameter by the model's name for it.
   *
   * @param name one of the wanted names
   * @return its values in fp32
   */
  public NDArray vector(String name) {
    return require(vectors, name);
  }

  /**
   * The values of any parameter.
   *
   * @param name one of the wanted names
   * @param manager owner of a new array
   * @return fp32, dequantised, in the shape that the checkpoint has
   */
  public NDArray values(String name, NDManager manager) {
    FrozenMatrix matrix = matrices.get(name);
    return matrix != null
        ? matrix.filed(manager)
        : Kernels.get().one(manager, "convert", vector(name), ScalarType.FP32.code());
  }

  private static <T> T require(Map<String, T> parameters, String name) {
    T parameter = parameters.get(name);
    if (parameter == null) {
      throw new IllegalArgumentException("no parameter is called '%s'".formatted(name));
    }
    return parameter;
  }

  /**
   * Size of all parameters.
   *
   * @return bytes as they are stored, scales and mapped ones included
   */
  public long bytes() {
    return bytes;
  }
}
