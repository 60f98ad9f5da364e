package io.github.lora4j.io;

import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** {@code model.safetensors.index.json}: which shard holds which tensor. */
final class ShardIndex {

  static final String FILE_NAME = "model.safetensors.index.json";

  private ShardIndex() {}

  /** Tensor name to shard, every shard a plain file name beside the index that exists. */
  static Map<String, Path> read(Path index) throws IOException {
    Map<String, Path> shards = new LinkedHashMap<>();
    boolean found = false;
    try (Reader text = Files.newBufferedReader(index);
        JsonReader json = new JsonReader(text)) {
      json.setStrictness(Strictness.STRICT);
      json.beginObject();
      while (json.hasNext()) {
        if (!json.nextName().equals("weight_map")) {
          json.skipValue();
          continue;
        }
        found = true;
        json.beginObject();
        while (json.hasNext()) {
          String tensor = json.nextName();
          Path shard = shard(index, tensor, json.nextString());
          if (shards.put(tensor, shard) != null) {
            throw new TensorFileException(index, "'%s' stands twice".formatted(tensor));
          }
        }
        json.endObject();
      }
      json.endObject();
    } catch (TensorFileException e) {
      throw e;
    } catch (JsonParseException | IllegalStateException | java.io.EOFException e) {
      throw new TensorFileException(index, "is not the JSON wanted: " + e.getMessage());
    } catch (com.google.gson.stream.MalformedJsonException e) {
      throw new TensorFileException(index, "is not JSON: " + e.getMessage());
    }
    if (!found) {
      throw new TensorFileException(index, "has no weight_map");
    }
    return shards;
  }

  private static Path shard(Path index, String tensor, String name) throws TensorFileException {
    Path shard;
    try {
      shard = Path.of(name);
    } catch (InvalidPathException e) {
      throw new TensorFileException(
          index, "tensor '%s': '%s' is no file name".formatted(tensor, name));
    }
    boolean plain =
        !name.isEmpty()
            && !shard.isAbsolute()
            && shard.getNameCount() == 1
            && !name.equals("..")
            && !name.equals(".")
            && name.indexOf('\\') < 0
            && name.indexOf('/') < 0;
    if (!plain) {
      throw new TensorFileException(
          index,
          "tensor '%s' points to '%s'; only files beside the index are read"
              .formatted(tensor, name));
    }
    Path file = index.resolveSibling(name);
    if (!Files.isRegularFile(file)) {
      throw new TensorFileException(
          index, "tensor '%s' is in shard '%s', which is missing".formatted(tensor, name));
    }
    return file;
  }
}
