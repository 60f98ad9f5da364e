package io.github.lora4j;

import io.github.lora4j.io.AtomicFile;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes an adapter the way PEFT lays it out. All files are made aside; a new directory then
 * appears by one rename. Where a directory stands already, its configuration goes first and comes
 * last, so that even a process killed in between leaves no mixture that would load.
 */
final class AdapterWriter {

  static final String CARD = "README.md";
  static final String WEIGHTS = "adapter_model.safetensors";

  /** The configuration comes last: without it, a directory is no adapter. */
  private static final List<String> FILES = List.of(CARD, WEIGHTS, LoraConfigKeys.FILE_NAME);

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
    checkTarget(target);
    // inside of a directory that is there: its parent may not be ours to write
    Path place = parent == null || Files.exists(target) ? target : parent;
    Files.createDirectories(place);
    Path aside = Files.createTempDirectory(place, ".adapter.incomplete");
    try {
      AtomicFile.write(aside.resolve(CARD), utf8(ModelCard.of(config, plan)));
      weights.writeTo(aside.resolve(WEIGHTS));
      AtomicFile.write(aside.resolve(LoraConfigKeys.FILE_NAME), utf8(config.toJson()));
      if (place.equals(target)) {
        replace(aside, target);
      } else {
        aside.toFile().setReadable(true, false);
        aside.toFile().setExecutable(true, false);
        Files.move(aside, target);
      }
      AtomicFile.syncDirectory(place);
    } finally {
      delete(aside);
    }
  }

  private static void checkTarget(Path target) throws FileSystemException {
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new FileSystemException(
          target.toString(), null, "is a file, wanted a directory to save an adapter in");
    }
    for (String file : FILES) {
      if (Files.isDirectory(target.resolve(file))) {
        throw new FileSystemException(
            target.resolve(file).toString(), null, "is a directory, wanted a file to replace");
      }
    }
  }

  /** Puts the new files in the place of the old ones, or, if that fails, the old ones back. */
  static void replace(Path aside, Path target) throws IOException {
    Path old = Files.createDirectory(aside.resolve("old"));
    List<String> files = new ArrayList<>(FILES);
    if (!isOurs(target.resolve(CARD))) {
      files.remove(CARD); // somebody wrote it, and may have nothing else
    }
    List<String> taken = new ArrayList<>();
    List<String> put = new ArrayList<>();
    try {
      List<String> configurationFirst = new ArrayList<>(files);
      Collections.reverse(configurationFirst);
      for (String file : configurationFirst) {
        if (Files.exists(target.resolve(file))) {
          Files.move(target.resolve(file), old.resolve(file));
          taken.add(0, file);
        }
      }
      for (String file : files) {
        Files.move(aside.resolve(file), target.resolve(file));
        put.add(file);
      }
    } catch (IOException e) {
      for (String file : put) {
        Files.delete(target.resolve(file));
      }
      for (String file : taken) {
        Files.move(old.resolve(file), target.resolve(file));
      }
      throw e;
    }
  }

  private static boolean isOurs(Path card) throws IOException {
    return !Files.exists(card)
        || new String(Files.readAllBytes(card), StandardCharsets.UTF_8).contains(ModelCard.MARK);
  }

  private static void delete(Path aside) throws IOException {
    for (Path directory : List.of(aside.resolve("old"), aside)) {
      for (String file : FILES) {
        Files.deleteIfExists(directory.resolve(file));
      }
      Files.deleteIfExists(directory);
    }
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
      plan.pairs().forEach(pair -> ranks.put(exactly(pair), pair.rank()));
      builder.rankPattern(ranks);
    }
    if (plan.overlap(config.alphaPattern())) {
      Map<String, Double> alphas = new LinkedHashMap<>();
      plan.pairs().forEach(pair -> alphas.put(exactly(pair), pair.alpha()));
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
  private static String exactly(LoraLinear pair) {
    return "^" + pair.path().replace(".", "\\.");
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
