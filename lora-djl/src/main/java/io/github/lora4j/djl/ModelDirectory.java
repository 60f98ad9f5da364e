package io.github.lora4j.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.Aside;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.djl.model.Families;
import io.github.lora4j.djl.model.ModelFamily;
import io.github.lora4j.djl.model.StackedDecoder;
import io.github.lora4j.hub.HubClient;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads a Hugging Face model directory into a base. */
final class ModelDirectory {

  private static final Logger LOG = LoggerFactory.getLogger(ModelDirectory.class);
  static final String CONFIG = "config.json";

  private ModelDirectory() {}

  /** From a directory if there is one of this name, else from the hub. */
  static CausalLm load(String directoryOrId, LoadOptions options) throws IOException {
    Optional<Path> local = HubClient.localDirectory(directoryOrId);
    if (local.isPresent()) {
      return load(local.get(), options);
    }
    HubClient hub = HubClient.of(options.hub().orElseGet(() -> HubOptions.builder().build()));
    Path directory =
        hub.modelDirectory(directoryOrId, small -> check(small, directoryOrId, options));
    return load(directory, directoryOrId, options);
  }

  static CausalLm load(Path directory, LoadOptions options) throws IOException {
    return load(directory, "", options);
  }

  /** Refuses what cannot be loaded, from the small files alone. */
  private static void check(Path directory, String id, LoadOptions options) throws IOException {
    Json json = config(directory.resolve(CONFIG));
    ModelFamily family = Families.of(json);
    checkDevice(options.device());
    checkBudget(family.tree(name(json, id, directory)), resolve(options), options);
  }

  private static CausalLm load(Path directory, String id, LoadOptions options) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new NoSuchFileException(
          directory.toString(),
          null,
          "not a directory; wanted a model directory with config.json, tokenizer.json,"
              + " tokenizer_config.json and model.safetensors");
    }
    Json json = config(directory.resolve(CONFIG));
    ModelFamily family = Families.of(json);
    checkDevice(options.device());
    Precision precision = resolve(options);
    checkBudget(family.tree(name(json, id, directory)), precision, options);
    // Reading a large vocabulary takes longer than mapping the weights.
    Aside<Tokenizer> tokenizer = Aside.start("lora4j-tokenizer", () -> Tokenizer.load(directory));
    NDManager manager = Engines.newManager(options.device());
    try (Safetensors files = Safetensors.open(directory)) {
      Decoder decoder =
          StackedDecoder.read(
              json, files, name(json, id, directory), arithmetic(precision, options), manager);
      return new CausalLm(decoder, tokenizer.get(), options, directory, null);
    } catch (IOException | RuntimeException e) {
      manager.close();
      closeWhenRead(tokenizer, e);
      throw e;
    }
  }

  private static void closeWhenRead(Aside<Tokenizer> tokenizer, Exception failure) {
    try {
      tokenizer.get().close();
    } catch (IOException | RuntimeException e) {
      if (e != failure) {
        failure.addSuppressed(e);
      }
    }
  }

  private static Precision resolve(LoadOptions options) {
    Precision asked = options.precision();
    if (asked.asksDevice()) {
      FastType fast = FastType.of(options.device());
      LOG.info(
          "precision {} computes in {} on {}: {}",
          asked,
          fast.type(),
          options.device(),
          fast.reason());
    }
    return asked.resolve(options.device());
  }

  private static Arithmetic arithmetic(Precision precision, LoadOptions options) {
    ScalarType compute = precision.compute(options.device());
    return new Arithmetic(
        precision.storage(), compute, options.matrixLibrary().products(compute, options.device()));
  }

  static ModuleTree modules(Path directoryOrConfig) throws IOException {
    Path file =
        Files.isDirectory(directoryOrConfig)
            ? directoryOrConfig.resolve(CONFIG)
            : directoryOrConfig;
    Json json = config(file);
    return Families.of(json).tree(name(json, "", file.toAbsolutePath().getParent()));
  }

  private static Json config(Path file) throws IOException {
    return Json.read(file, "a Hugging Face model directory");
  }

  /** What adapters say that their base is: the id that was asked for, as in transformers. */
  private static String name(Json json, String id, @Nullable Path directory) {
    if (!id.isEmpty()) {
      return id;
    }
    String given = json.text("_name_or_path").orElse("");
    if (!given.isEmpty() || directory == null) {
      return given;
    }
    return String.valueOf(directory.toAbsolutePath().normalize().getFileName());
  }

  private static void checkBudget(ModuleTree tree, Precision asked, LoadOptions options) {
    OptionalLong budget = options.memoryBudget();
    long wanted = weightBytes(tree, asked);
    if (budget.isEmpty() || wanted <= budget.getAsLong()) {
      return;
    }
    String others =
        Arrays.stream(Precision.values())
            .filter(
                precision -> precision != Precision.AUTO && weightBytes(tree, precision) < wanted)
            .map(p -> "%s would take %s".formatted(p, gigabytes(weightBytes(tree, p))))
            .collect(Collectors.joining(", "));
    throw new LoraException(
        "the weights of %s take %s in %s, memoryBudget is %s; %sraise the budget"
            .formatted(
                tree.baseName(),
                gigabytes(wanted),
                asked,
                gigabytes(budget.getAsLong()),
                others.isEmpty() ? "" : others + "; choose a precision that fits, or "));
  }

  private static long weightBytes(ModuleTree tree, Precision precision) {
    return tree.weightBytes(precision.storage().bytes());
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.3g GB", bytes / 1e9);
  }

  private static void checkDevice(Device device) {
    int gpus = Engines.gpuCount();
    if (device.isGpu() && device.getDeviceId() >= gpus) {
      throw new LoraException(
          "device %s is wanted, but PyTorch sees %d GPUs; use Device.cpu() or add a CUDA native to"
                  .formatted(device, gpus)
              + " the class path");
    }
  }
}
