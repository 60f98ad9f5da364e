package io.github.lora4j;

import io.github.lora4j.io.AtomicDirectory;
import io.github.lora4j.io.AtomicFile;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;

/** Writes an adapter the way PEFT lays it out, whole or not at all. */
final class AdapterWriter {

  static final String CARD = "README.md";
  static final String WEIGHTS = "adapter_model.safetensors";

  private AdapterWriter() {}

  static void write(Path directory, LoraPlan plan, Map<String, TensorData> tensors)
      throws IOException {
    write(directory, plan, tensors, ModelCard::of);
  }

  /** The same; {@code card} makes the card, unless somebody wrote one. */
  static void write(
      Path directory,
      LoraPlan plan,
      Map<String, TensorData> tensors,
      BiFunction<LoraConfig, LoraPlan, String> card)
      throws IOException {
    LoraConfig config = forFile(plan);
    AdapterKeys keys = new AdapterKeys(plan);
    SafetensorsWriter weights = new SafetensorsWriter();
    withTiedHead(plan, tensors)
        .forEach((name, tensor) -> weights.add(keys.inFile(name), tensor.shape(), tensor.values()));
    boolean ownCard = isOurs(directory.resolve(CARD));
    AtomicDirectory.write(
        directory,
        "an adapter",
        LoraConfigKeys.FILE_NAME,
        name -> false,
        aside -> {
          if (ownCard) { // else somebody wrote it, and may have nothing else
            AtomicFile.write(aside.resolve(CARD), utf8(card.apply(config, plan)));
          }
          weights.writeTo(aside.resolve(WEIGHTS));
          AtomicFile.write(aside.resolve(LoraConfigKeys.FILE_NAME), utf8(config.toJson()));
        });
  }

  /** An embedding in the place of the base's is that of a tied head too: PEFT writes it twice. */
  private static Map<String, TensorData> withTiedHead(
      LoraPlan plan, Map<String, TensorData> tensors) {
    Map<String, TensorData> all = new LinkedHashMap<>(tensors);
    Vocabulary vocabulary = new Vocabulary(plan.tree());
    for (TargetModule head : vocabulary.modules()) {
      for (TargetModule module : vocabulary.modules()) {
        String table = Vocabulary.nameOf(module);
        boolean frozen = plan.copies().stream().noneMatch(copy -> copy.name().equals(table));
        TensorData values = tensors.get(table);
        if (vocabulary.isTied(head) && frozen && values != null) {
          all.putIfAbsent(Vocabulary.nameOf(head), values);
        }
      }
    }
    return all;
  }

  private static boolean isOurs(Path card) throws IOException {
    return !Files.isRegularFile(card)
        || new String(Files.readAllBytes(card), StandardCharsets.UTF_8).contains(ModelCard.MARK);
  }

  /**
   * The configuration as a file can carry it: {@code all-linear} by full paths as PEFT writes it,
   * and patterns that overlap by full paths too, because sorted keys lose the order that decides.
   */
  private static LoraConfig forFile(LoraPlan plan) {
    LoraConfig config = PlainLora.configOf(plan.config());
    LoraConfig.Builder builder = config.toBuilder();
    if (config.targetModules() instanceof TargetModules.AllLinear) {
      builder.targetModules(
          new TargetModules.Names(plan.pairs().stream().map(LoraLinear::path).toList()));
    }
    if (plan.overlap(config.rankPattern())) {
      Map<String, Integer> ranks = new LinkedHashMap<>();
      plan.pairs().forEach(pair -> ranks.put(exactly(pair.path()), pair.rank()));
      builder.rankPattern(ranks);
    }
    if (plan.overlap(config.alphaPattern())) {
      Map<String, Double> alphas = new LinkedHashMap<>();
      plan.pairs().forEach(pair -> alphas.put(exactly(pair.path()), pair.alpha()));
      builder.alphaPattern(alphas);
    }
    if (config.baseModel().isEmpty() && !plan.tree().baseName().isEmpty()) {
      builder.baseModel(plan.tree().baseName());
    }
    return builder.build();
  }

  /**
   * A pattern that hits one path: not those that end in it, not those with other letters for dots.
   */
  static String exactly(String path) {
    return "^" + path.replace(".", "\\.");
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
