package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What else a view may hold: an earlier state of its tensors, or others that were computed. */
final class OtherState {

  private OtherState() {}

  /** The tensors of an adapter of a view's shape, those that the view has of its own included. */
  static Map<String, TensorData> read(Object base, LoraPlan plan, Set<String> own, Path directory)
      throws IOException {
    AdapterReader.Loaded loaded =
        AdapterReader.read(
            AdapterFiles.in(directory),
            Backends.of(base).modules(base),
            (name, row, rows) -> !own.contains(name));
    Map<String, TensorData> read = new LinkedHashMap<>(loaded.values());
    read.putAll(loaded.frozen());
    List<String> differences = TensorDifferences.of(plan, read, "file", "view");
    if (!differences.isEmpty()) {
      throw new LoraException(
          "adapter '%s' has another shape than this view:\n  %s"
              .formatted(directory, String.join("\n  ", differences)));
    }
    return read;
  }

  /** Tensors as they are given, if they are exactly those that the configuration means. */
  static AdapterState given(ModuleTree tree, LoraConfig config, Map<String, TensorData> tensors) {
    LoraPlan plan = LoraPlan.lenient(tree, config);
    List<String> problems = TensorDifferences.of(plan, tensors, "given", "adapter");
    problems.addAll(TensorDifferences.notFinite(tensors));
    if (!problems.isEmpty()) {
      throw new LoraException(
          "the tensors are not those of the configuration:\n  " + String.join("\n  ", problems));
    }
    return AdapterState.split(plan, tensors);
  }
}
