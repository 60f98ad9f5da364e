package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.internal.WeightReader;
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

  private final Map<String, NDArray> arrays = new LinkedHashMap<>();
  private long bytes;

  private CheckpointWeights() {}

  /**
   * Reads all parameters. Matrices get the storage type, one-dimensional ones stay in fp32.
   *
   * @param files the checkpoint
   * @param wanted names and shapes as the model has them
   * @param prefix what bare checkpoints leave out at the start of names, e.g. {@code transformer.}
   * @param ignorable names that may stand in a checkpoint without being wanted, e.g. a tied head
   * @param type storage type of the matrices
   * @param manager owner of the arrays
   * @param name what to call the model in messages
   * @return the arrays by the model's names
   * @throws IOException if a file cannot be read
   * @throws LoraException if the checkpoint is not of this model
   */
  public static CheckpointWeights read(
      Safetensors files,
      List<ParameterInfo> wanted,
      String prefix,
      Set<String> ignorable,
      ScalarType type,
      NDManager manager,
      String name)
      throws IOException {
    Map<String, TensorEntry> found = match(files, wanted, prefix, ignorable, name);
    CheckpointWeights weights = new CheckpointWeights();
    try (WeightReader reader = new WeightReader(files, manager)) {
      for (ParameterInfo parameter : wanted) {
        ScalarType stored = parameter.shape().size() == 1 ? ScalarType.FP32 : type;
        TensorEntry entry = Optional.ofNullable(found.get(parameter.name())).orElseThrow();
        weights.arrays.put(parameter.name(), reader.read(entry, stored));
        weights.bytes += parameter.elements() * stored.bytes();
      }
    }
    return weights;
  }

  private static Map<String, TensorEntry> match(
      Safetensors files,
      List<ParameterInfo> wanted,
      String prefix,
      Set<String> ignorable,
      String name) {
    Map<String, TensorEntry> found = new HashMap<>();
    Set<String> used = new HashSet<>();
    List<String> problems = new ArrayList<>();
    for (ParameterInfo parameter : wanted) {
      String full = parameter.name();
      String bare = full.startsWith(prefix) ? full.substring(prefix.length()) : full;
      Optional<TensorEntry> entry = files.find(parameter.name()).or(() -> files.find(bare));
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
      if (!used.contains(entry.name()) && !ignorable.contains(entry.name())) {
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

  private static String text(List<Long> shape) {
    return shape.toString().replace('[', '(').replace(']', ')');
  }

  /**
   * An array by the model's name for it.
   *
   * @param name one of the wanted names
   * @return the array
   */
  public NDArray get(String name) {
    NDArray array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException("no parameter is called '%s'".formatted(name));
    }
    return array;
  }

  /**
   * Size of all arrays.
   *
   * @return bytes, mapped ones included
   */
  public long bytes() {
    return bytes;
  }
}
