package io.github.lora4j.io;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Writes a safetensors file: the same tensors and metadata give the same bytes as the reference
 * implementation's, whatever the order in which they were added. The file appears whole or not at
 * all.
 *
 * <pre>{@code
 * new SafetensorsWriter().add("lora_A", List.of(8L, 64L), values).writeTo(file);
 * }</pre>
 *
 * @since 0.1.0
 */
public final class SafetensorsWriter {

  private static final int CHUNK = 1 << 20;

  private record Item(
      String name, DType dtype, List<Long> shape, long bytes, AtomicFile.Content source) {
    void writeTo(FileChannel channel) throws IOException {
      long start = channel.position();
      source.writeTo(channel);
      if (channel.position() != start + bytes) {
        throw new IOException(
            "tensor '%s': wanted %d bytes, got %d"
                .formatted(name, bytes, channel.position() - start));
      }
    }
  }

  private final List<Item> items = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private final Map<String, String> metadata = new TreeMap<>(Map.of("format", "pt"));

  /** An empty file with the metadata {@code format=pt}. */
  public SafetensorsWriter() {}

  /**
   * Adds a note.
   *
   * @param key name of the note
   * @param value text
   * @return this
   */
  public SafetensorsWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /**
   * Adds an fp32 tensor.
   *
   * @param name its name
   * @param shape dimensions
   * @param values elements, row-major; must not change before writing
   * @return this
   * @throws IllegalArgumentException if the shape and the number of values disagree, or there is a
   *     tensor of that name
   */
  public SafetensorsWriter add(String name, List<Long> shape, float[] values) {
    AtomicFile.Content source = channel -> writeFloats(channel, values);
    return add(new Item(name, DType.F32, List.copyOf(shape), 4L * values.length, source));
  }

  /**
   * Adds a tensor of any type.
   *
   * @param name its name
   * @param dtype element type
   * @param shape dimensions
   * @param bytes little-endian elements from position to limit; must not change before writing
   * @return this
   * @throws IllegalArgumentException if shape, type and bytes disagree, or there is a tensor of
   *     that name
   */
  public SafetensorsWriter add(String name, DType dtype, List<Long> shape, ByteBuffer bytes) {
    ByteBuffer data = bytes.slice();
    AtomicFile.Content source = channel -> AtomicFile.writeFully(channel, data.duplicate());
    return add(new Item(name, dtype, List.copyOf(shape), data.remaining(), source));
  }

  /**
   * Adds a tensor whose bytes need not be on the heap at once.
   *
   * @param name its name
   * @param dtype element type
   * @param shape dimensions
   * @param content writes the little-endian elements, so many bytes as shape and type say
   * @return this
   * @throws IllegalArgumentException if a dimension is negative or there is a tensor of that name
   */
  public SafetensorsWriter add(
      String name, DType dtype, List<Long> shape, AtomicFile.Content content) {
    return add(new Item(name, dtype, List.copyOf(shape), bytes(dtype, shape), content));
  }

  /** Bytes of a tensor; a negative dimension is found later. */
  static long bytes(DType dtype, List<Long> shape) {
    return shape.stream().reduce((long) dtype.sizeInBytes(), Math::multiplyExact);
  }

  /**
   * Counts an fp32 tensor in {@link #size} without having its values; such a file cannot be
   * written.
   *
   * @param name its name
   * @param shape dimensions
   * @return this
   */
  public SafetensorsWriter addPlaceholder(String name, List<Long> shape) {
    return add(
        name,
        DType.F32,
        shape,
        channel -> {
          throw new IllegalStateException("tensor '%s' is a placeholder".formatted(name));
        });
  }

  private SafetensorsWriter add(Item item) {
    if (item.name.equals("__metadata__")) {
      throw new IllegalArgumentException("'__metadata__' is the name of the notes, not a tensor's");
    }
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(item.name)) {
      throw new IllegalArgumentException("tensor '%s': half a character".formatted(item.name));
    }
    long wanted = item.dtype.sizeInBytes();
    for (long size : item.shape) {
      if (size < 0) {
        throw new IllegalArgumentException(
            "tensor '%s': shape %s has a negative dimension".formatted(item.name, item.shape));
      }
      wanted = Math.multiplyExact(wanted, size);
    }
    if (wanted != item.bytes) {
      throw new IllegalArgumentException(
          "tensor '%s': shape %s of %s needs %d bytes, got %d"
              .formatted(item.name, item.shape, item.dtype, wanted, item.bytes));
    }
    if (!names.add(item.name)) {
      throw new IllegalArgumentException("tensor '%s' was added before".formatted(item.name));
    }
    items.add(item);
    return this;
  }

  /**
   * Size of the file that would be written.
   *
   * @return bytes
   */
  public long size() {
    return header(sorted()).length + items.stream().mapToLong(Item::bytes).sum();
  }

  /**
   * Writes the file.
   *
   * @param file what to write or replace
   * @throws IOException if writing fails; the file is then as it was
   */
  public void writeTo(Path file) throws IOException {
    List<Item> sorted = sorted();
    byte[] header = header(sorted);
    AtomicFile.write(
        file,
        channel -> {
          AtomicFile.writeFully(channel, ByteBuffer.wrap(header));
          for (Item item : sorted) {
            item.writeTo(channel);
          }
        });
  }

  private List<Item> sorted() {
    return items.stream()
        .sorted(
            Comparator.comparing(Item::dtype, Comparator.reverseOrder()) // wide first: aligned
                .thenComparing(
                    item -> item.name.getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned))
        .toList();
  }

  private byte[] header(List<Item> sorted) {
    Gson gson = new GsonBuilder().disableHtmlEscaping().create();
    Map<String, Object> json = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      json.put("__metadata__", metadata);
    }
    long at = 0;
    for (Item item : sorted) {
      Map<String, Object> tensor = new LinkedHashMap<>();
      tensor.put("dtype", item.dtype.name());
      tensor.put("shape", item.shape);
      tensor.put("data_offsets", List.of(at, at + item.bytes));
      json.put(item.name, tensor);
      at += item.bytes;
    }
    byte[] text = gson.toJson(json).getBytes(StandardCharsets.UTF_8);
    if (text.length > SafetensorsHeader.MAX_HEADER - 7) {
      throw new IllegalArgumentException(
          "the header of %d tensors has %d bytes, the format allows %d"
              .formatted(sorted.size(), text.length, SafetensorsHeader.MAX_HEADER));
    }
    int padded = (text.length + 7) / 8 * 8;
    ByteBuffer header = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded).put(text);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    return header.array();
  }

  private static void writeFloats(FileChannel channel, float[] values) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    int perChunk = CHUNK / 4;
    for (int from = 0; from < values.length; from += perChunk) {
      int count = Math.min(perChunk, values.length - from);
      chunk.clear();
      chunk.asFloatBuffer().put(values, from, count);
      AtomicFile.writeFully(channel, chunk.limit(4 * count));
    }
  }
}
