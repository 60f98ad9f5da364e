package io.github.lora4j;

import io.github.lora4j.io.AtomicFile;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes an adapter the way PEFT lays it out. */
final class AdapterWriter {

  static final String WEIGHTS = "adapter_model.safetensors";

  /** The configuration comes last: without it, a directory is no adapter. */
  private static final List<String> FILES = List.of("README.md", WEIGHTS, LoraConfigKeys.FILE_NAME);

  private AdapterWriter() {}

  static void write(Path directory, LoraPlan plan, Map<String, TensorData> tensors)
      throws IOException {
    LoraConfig config = forFile(plan);
    AdapterKeys keys = new AdapterKeys(plan.pairs());
    SafetensorsWriter weights = new SafetensorsWriter();
    tensors.forEach(
        (name, tensor) -> weights.add(keys.inFile(name), tensor.shape(), tensor.values()));
    Path target = directory.toAbsolutePath().normalize();
    Path parent = target.getParent();
    if (parent == null) {
      throw new IOException(target + " is a root, wanted a directory to save an adapter in");
    }
    Files.createDirectories(parent);
    Path aside = Files.createTempDirectory(parent, "." + target.getFileName() + ".incomplete");
    try {
      AtomicFile.write(aside.resolve(FILES.get(0)), utf8(ModelCard.of(config, plan)));
      weights.writeTo(aside.resolve(WEIGHTS));
      AtomicFile.write(aside.resolve(LoraConfigKeys.FILE_NAME), utf8(config.toJson()));
      publish(aside, target);
      AtomicFile.syncDirectory(parent);
    } finally {
      for (String file : FILES) {
        Files.deleteIfExists(aside.resolve(file));
      }
      Files.deleteIfExists(aside);
    }
  }

  private static void publish(Path aside, Path target) throws IOException {
    aside.toFile().setReadable(true, false);
    aside.toFile().setExecutable(true, false);
    if (!Files.exists(target)) {
      Files.move(aside, target);
      return;
    }
    for (String file : FILES) {
      Files.move(aside.resolve(file), target.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }
    AtomicFile.syncDirectory(target);
  }

  /**
   * The configuration as a file can carry it: {@code all-linear} by full paths as PEFT writes it,
   * and patterns that overlap by full paths too, because sorted keys lose the order that decides.
   */
  private static LoraConfig forFile(LoraPlan plan) {
    LoraConfig config = plan.config();
    LoraConfig.Builder builder = config.toBuilder();
    if (config.targetModules() instanceof TargetModules.AllLinear) {
      builder.targetModules(
          new TargetModules.Names(plan.pairs().stream().map(LoraLinear::path).toList()));
    }
    if (plan.overlap(config.rankPattern())) {
      Map<String, Integer> ranks = new LinkedHashMap<>();
      plan.pairs().forEach(pair -> ranks.put(pair.path(), pair.rank()));
      builder.rankPattern(ranks);
    }
    if (plan.overlap(config.alphaPattern())) {
      Map<String, Double> alphas = new LinkedHashMap<>();
      plan.pairs().forEach(pair -> alphas.put(pair.path(), pair.alpha()));
      builder.alphaPattern(alphas);
    }
    if (config.baseModel().isEmpty() && !plan.tree().baseName().isEmpty()) {
      builder.baseModel(plan.tree().baseName());
    }
    return builder.build();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
