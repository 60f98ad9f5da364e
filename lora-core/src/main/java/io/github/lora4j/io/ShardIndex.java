package io.github.lora4j.io;

import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** {@code model.safetensors.index.json}: which shard holds which tensor. */
final class ShardIndex {

  static final String FILE_NAME = "model.safetensors.index.json";

  private final Path index;
  private final Map<String, Path> shards = new LinkedHashMap<>();

  private ShardIndex(Path index) {
    this.index = index;
  }

  /** Tensor name to shard, every shard a plain file name beside the index that exists. */
  static Map<String, Path> read(Path index) throws IOException {
    long size = Files.size(index);
    if (size > SafetensorsHeader.MAX_HEADER) {
      throw new TensorFileException(
          index, "has %d bytes, at most %d are read".formatted(size, SafetensorsHeader.MAX_HEADER));
    }
    if (!SafetensorsHeader.fitsHeap(size, Runtime.getRuntime().maxMemory())) {
      throw new TensorFileException(
          index,
          "has %d bytes, too many for a heap of %d; start Java with a larger one"
              .formatted(size, Runtime.getRuntime().maxMemory()));
    }
    ShardIndex result = new ShardIndex(index);
    try (Reader text = Files.newBufferedReader(index);
        JsonReader json = new JsonReader(text)) {
      json.setStrictness(Strictness.STRICT);
      result.parse(json);
    } catch (TensorFileException e) {
      throw e;
    } catch (CharacterCodingException e) {
      throw new TensorFileException(index, "is not UTF-8");
    } catch (JsonParseException | IllegalStateException | EOFException | MalformedJsonException e) {
      throw new TensorFileException(index, "is not the JSON wanted: " + JsonReason.of(e));
    }
    return result.shards;
  }

  private void parse(JsonReader json) throws IOException {
    boolean found = false;
    json.beginObject();
    while (json.hasNext()) {
      if (!json.nextName().equals("weight_map")) {
        json.skipValue();
      } else if (found) {
        throw problem("'weight_map' stands twice");
      } else {
        found = true;
        parseWeightMap(json);
      }
    }
    json.endObject();
    if (json.peek() != JsonToken.END_DOCUMENT) {
      throw problem("text follows the JSON object");
    }
    if (!found) {
      throw problem("has no weight_map");
    }
  }

  private void parseWeightMap(JsonReader json) throws IOException {
    json.beginObject();
    while (json.hasNext()) {
      String tensor = json.nextName();
      if (shards.put(tensor, shard(tensor, json.nextString())) != null) {
        throw problem("'%s' stands twice", tensor);
      }
    }
    json.endObject();
  }

  private Path shard(String tensor, String name) throws TensorFileException {
    if (!isPlain(name)) {
      throw problem(
          "tensor '%s' points to '%s'; only files beside the index are read", tensor, name);
    }
    Path file = index.resolveSibling(name);
    if (!Files.isRegularFile(file)) {
      throw problem("tensor '%s' is in shard '%s', which is missing", tensor, name);
    }
    return file;
  }

  /** A name without any way out of the directory, on this system or another. */
  private static boolean isPlain(String name) {
    try {
      Path path = Path.of(name);
      return !name.isEmpty()
          && !path.isAbsolute()
          && path.getNameCount() == 1
          && !name.equals("..")
          && !name.equals(".")
          && name.indexOf('\\') < 0
          && name.indexOf('/') < 0;
    } catch (InvalidPathException e) {
      return false; // no name of a file at all
    }
  }

  private TensorFileException problem(String format, Object... arguments) {
    return new TensorFileException(index, format.formatted(arguments));
  }
}
