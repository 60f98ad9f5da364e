package io.github.lora4j.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.djl.model.bloom.BloomModel;
import io.github.lora4j.io.Safetensors;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Reads a Hugging Face model directory into a base. */
final class ModelDirectory {

  private static final List<String> FAMILIES = List.of("bloom");

  private ModelDirectory() {}

  static CausalLm load(Path directory, LoadOptions options) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new NoSuchFileException(
          directory.toString(),
          null,
          "not a directory; wanted a model directory with config.json, tokenizer.json and"
              + " model.safetensors");
    }
    JsonObject config = config(directory.resolve("config.json"));
    String family = text(config, "model_type");
    if (!FAMILIES.contains(family)) {
      throw new LoraException(
          "%s: model_type '%s' is not supported; supported: %s"
              .formatted(directory.resolve("config.json"), family, FAMILIES));
    }
    checkDevice(options.device());
    String given = text(config, "_name_or_path");
    String name =
        given.isEmpty()
            ? String.valueOf(directory.toAbsolutePath().normalize().getFileName())
            : given;
    Tokenizer tokenizer = Tokenizer.load(directory);
    NDManager manager = Engines.newManager(options.device());
    try (Safetensors files = Safetensors.open(directory)) {
      boolean gpu = options.device().isGpu();
      Decoder decoder =
          BloomModel.read(
              config,
              files,
              name,
              options.precision().storage(),
              options.precision().compute(gpu),
              manager);
      return new CausalLm(decoder, tokenizer, null);
    } catch (IOException | RuntimeException e) {
      manager.close();
      tokenizer.close();
      throw e;
    }
  }

  private static JsonObject config(Path file) throws IOException {
    try (Reader reader = Files.newBufferedReader(file)) {
      JsonElement json = JsonParser.parseReader(reader);
      if (json.isJsonObject()) {
        return json.getAsJsonObject();
      }
      throw new LoraException(file + ": wanted a JSON object");
    } catch (NoSuchFileException e) {
      throw new NoSuchFileException(
          file.toString(), null, "missing; wanted a Hugging Face model directory");
    } catch (JsonParseException e) {
      throw new LoraException(file + " is not JSON: " + e.getMessage(), e);
    }
  }

  private static String text(JsonObject json, String key) {
    JsonElement value = json.get(key);
    return value == null || value.isJsonNull() ? "" : value.getAsString();
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
