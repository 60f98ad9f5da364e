package io.github.lora4j.djl;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.io.DType;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** A copy of the golden checkpoint that a test may change or damage. */
final class TinyCheckpoint {

  static final Path GOLDEN = Path.of("src/test/resources/golden/bloom/power-of-two/checkpoint");
  static final String WEIGHTS = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  final Path directory;

  TinyCheckpoint(Path directory) throws IOException {
    this.directory = directory;
    Files.createDirectories(directory);
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS)) {
      Files.copy(GOLDEN.resolve(name), directory.resolve(name));
    }
  }

  Path file(String name) {
    return directory.resolve(name);
  }

  TinyCheckpoint config(Consumer<JsonObject> edit) throws IOException {
    JsonObject json =
        JsonParser.parseString(Files.readString(file("config.json"))).getAsJsonObject();
    edit.accept(json);
    Files.writeString(file("config.json"), json.toString());
    return this;
  }

  TinyCheckpoint without(String name) throws IOException {
    Files.delete(file(name));
    return this;
  }

  TinyCheckpoint text(String name, String content) throws IOException {
    Files.writeString(file(name), content);
    return this;
  }

  /** Cuts a file to a share of its length. */
  TinyCheckpoint truncated(String name, double share) throws IOException {
    byte[] bytes = Files.readAllBytes(file(name));
    byte[] kept = Arrays.copyOf(bytes, (int) (bytes.length * share));
    Files.write(file(name), kept);
    return this;
  }

  static Map<String, TensorData> tensors() throws IOException {
    return new LinkedHashMap<>(GoldenTensors.read(GOLDEN.resolve(WEIGHTS)));
  }

  TinyCheckpoint renamed(UnaryOperator<String> name) throws IOException {
    Map<String, TensorData> renamed = new LinkedHashMap<>();
    tensors().forEach((key, value) -> renamed.put(name.apply(key), value));
    return weights(renamed, DType.F32);
  }

  TinyCheckpoint weights(Map<String, TensorData> tensors, DType dtype) throws IOException {
    write(file(WEIGHTS), tensors, dtype);
    return this;
  }

  /** Every tensor in a shard of its own. */
  TinyCheckpoint sharded() throws IOException {
    without(WEIGHTS);
    JsonObject map = new JsonObject();
    int shard = 0;
    for (Map.Entry<String, TensorData> tensor : tensors().entrySet()) {
      String name = "model-%05d.safetensors".formatted(++shard);
      write(file(name), Map.of(tensor.getKey(), tensor.getValue()), DType.F32);
      map.addProperty(tensor.getKey(), name);
    }
    JsonObject index = new JsonObject();
    index.add("weight_map", map);
    return text(INDEX, index.toString());
  }

  private static void write(Path file, Map<String, TensorData> tensors, DType dtype)
      throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach(
        (name, tensor) -> writer.add(name, dtype, tensor.shape(), bytes(tensor.values(), dtype)));
    writer.writeTo(file);
  }

  private static ByteBuffer bytes(float[] values, DType dtype) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * dtype.sizeInBytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (dtype) {
        case F32 -> bytes.putFloat(value);
        case F64 -> bytes.putDouble(value);
        case BF16 -> bytes.putShort((short) (Float.floatToIntBits(value) >>> 16));
        case F16 -> bytes.putShort(half(value));
        case I32 -> bytes.putInt((int) value);
        default -> throw new IllegalArgumentException("not written here: " + dtype);
      }
    }
    return bytes.flip();
  }

  /** Half precision, rounded towards zero; subnormal numbers become zero. */
  private static short half(float value) {
    int bits = Float.floatToIntBits(value);
    int exponent = ((bits >>> 23) & 0xFF) - 112;
    int sign = (bits >>> 16) & 0x8000;
    return (short) (exponent <= 0 ? sign : sign | (exponent << 10) | ((bits >>> 13) & 0x3FF));
  }

  CausalLm load(Precision precision) throws IOException {
    return CausalLm.load(directory, LoadOptions.builder().precision(precision).build());
  }
}
