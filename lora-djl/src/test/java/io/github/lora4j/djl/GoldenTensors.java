package io.github.lora4j.djl;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads a golden file without the library's own reader, so that one mistake cannot hide another.
 */
public final class GoldenTensors {

  private GoldenTensors() {}

  /**
   * Reads a file.
   *
   * @param file a safetensors file of fp32, fp16 or bf16 tensors
   * @return all tensors in fp32, by name
   * @throws IOException if the file cannot be read
   */
  public static Map<String, TensorData> read(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int header = Math.toIntExact(bytes.getLong());
    String json = new String(bytes.array(), Long.BYTES, header, StandardCharsets.UTF_8);
    Map<String, TensorData> tensors = new TreeMap<>();
    for (Map.Entry<String, JsonElement> entry :
        JsonParser.parseString(json).getAsJsonObject().entrySet()) {
      if (!entry.getKey().equals("__metadata__")) {
        JsonObject described = entry.getValue().getAsJsonObject();
        JsonArray offsets = described.getAsJsonArray("data_offsets");
        int start = Long.BYTES + header + offsets.get(0).getAsInt();
        int length = offsets.get(1).getAsInt() - offsets.get(0).getAsInt();
        ByteBuffer data = bytes.slice(start, length).order(ByteOrder.LITTLE_ENDIAN);
        tensors.put(
            entry.getKey(),
            new TensorData(
                shape(described.getAsJsonArray("shape")),
                floats(data, described.get("dtype").getAsString())));
      }
    }
    return tensors;
  }

  private static List<Long> shape(JsonArray json) {
    List<Long> shape = new ArrayList<>();
    json.forEach(dimension -> shape.add(dimension.getAsLong()));
    return shape;
  }

  private static float[] floats(ByteBuffer data, String dtype) {
    boolean single = dtype.equals("F32");
    float[] values = new float[data.remaining() / (single ? Float.BYTES : Short.BYTES)];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (dtype) {
            case "F32" -> data.getFloat();
            case "BF16" -> Float.intBitsToFloat(data.getShort() << Short.SIZE);
            case "F16" -> half(data.getShort());
            default -> throw new IllegalArgumentException("golden files have no " + dtype);
          };
    }
    return values;
  }

  private static float half(short bits) {
    int exponent = (bits >> 10) & 0x1f;
    int fraction = bits & 0x3ff;
    double size =
        exponent == 0 ? fraction * 0x1p-24 : (0x400 + fraction) * Math.scalb(1.0, exponent - 25);
    return (float) (bits < 0 ? -size : size);
  }
}
