package io.github.lora4j.io;

import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Writes the weights of a model as transformers does: {@code model.safetensors}, or shards and
 * {@code model.safetensors.index.json} if they are larger than a file shall be. Tensors stay in the
 * order in which they are added; one that is larger than a shard gets a shard of its own.
 *
 * @since 0.1.0
 */
public final class ShardedWriter {

  private static final String SINGLE_FILE = "model.safetensors";
  private static final Pattern SHARD = Pattern.compile("model-\\d+-of-\\d+\\.safetensors");

  private record Tensor(String name, DType dtype, List<Long> shape, AtomicFile.Content content) {
    long bytes() {
      return SafetensorsWriter.bytes(dtype, shape);
    }

    long elements() {
      return bytes() / dtype.sizeInBytes();
    }
  }

  private final long maxShardBytes;
  private final List<List<Tensor>> shards = new ArrayList<>();
  private long shardBytes;

  /**
   * Without tensors.
   *
   * @param maxShardBytes most bytes of tensors in one file
   * @throws IllegalArgumentException if it is not positive
   */
  public ShardedWriter(long maxShardBytes) {
    if (maxShardBytes <= 0) {
      throw new IllegalArgumentException("maxShardBytes must be positive, got " + maxShardBytes);
    }
    this.maxShardBytes = maxShardBytes;
  }

  /**
   * Adds a tensor.
   *
   * @param name its name
   * @param dtype element type
   * @param shape dimensions
   * @param content writes the little-endian elements when their turn comes
   * @return this
   */
  public ShardedWriter add(String name, DType dtype, List<Long> shape, AtomicFile.Content content) {
    Tensor tensor = new Tensor(name, dtype, List.copyOf(shape), content);
    if (shards.isEmpty() || shardBytes + tensor.bytes() > maxShardBytes) {
      shards.add(new ArrayList<>());
      shardBytes = 0;
    }
    shards.get(shards.size() - 1).add(tensor);
    shardBytes += tensor.bytes();
    return this;
  }

  /**
   * Whether a file is of the kind written here, so that one of an earlier save has to go.
   *
   * @param name of a file in a model's directory
   * @return true for weights, shards and their index
   */
  public static boolean writes(String name) {
    return name.equals(SINGLE_FILE)
        || name.equals(ShardIndex.FILE_NAME)
        || SHARD.matcher(name).matches();
  }

  /**
   * Writes all files.
   *
   * @param directory that exists
   * @throws IOException if writing fails
   * @throws IllegalArgumentException if two tensors have one name
   */
  public void writeTo(Path directory) throws IOException {
    Map<String, String> places = new TreeMap<>();
    for (int shard = 0; shard < shards.size(); shard++) {
      String file =
          shards.size() == 1
              ? SINGLE_FILE
              : "model-%05d-of-%05d.safetensors".formatted(shard + 1, shards.size());
      SafetensorsWriter writer = new SafetensorsWriter();
      for (Tensor tensor : shards.get(shard)) {
        writer.add(tensor.name, tensor.dtype, tensor.shape, tensor.content);
        if (places.put(tensor.name, file) != null) {
          throw new IllegalArgumentException("tensor '%s' was added twice".formatted(tensor.name));
        }
      }
      writer.writeTo(directory.resolve(file));
    }
    if (shards.size() > 1) {
      AtomicFile.write(directory.resolve(ShardIndex.FILE_NAME), index(places));
    }
  }

  private byte[] index(Map<String, String> places) {
    Map<String, Object> sizes = new LinkedHashMap<>();
    List<Tensor> all = shards.stream().flatMap(List::stream).toList();
    sizes.put("total_parameters", all.stream().mapToLong(Tensor::elements).sum());
    sizes.put("total_size", all.stream().mapToLong(Tensor::bytes).sum());
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("metadata", sizes);
    json.put("weight_map", places);
    String text =
        new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(json) + "\n";
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
