package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Tensors in safetensors files, or in bytes of that format in memory. Opening reads and checks the
 * headers only; a file that does not keep to the format is refused whole.
 *
 * <pre>{@code
 * try (Safetensors file = Safetensors.open(Path.of("adapter_model.safetensors"))) {
 *   for (TensorEntry tensor : file.tensors()) {
 *     float[] values = file.floats(tensor);
 *   }
 * }
 * }</pre>
 *
 * <p>Files and single tensors may be longer than 2 GiB; they are then read piece by piece through
 * {@link #buffer}. Safe for use from many threads.
 *
 * @see <a href="https://huggingface.co/docs/safetensors">the format</a>
 * @since 0.1.0
 */
public final class Safetensors implements TensorFile {

  private static final String SINGLE_FILE = "model.safetensors";
  private static final String PICKLE = "pytorch_model.bin";

  private final Map<Path, TensorBytes> files = new LinkedHashMap<>();
  private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private final String source;

  private Safetensors(String source) {
    this.source = source;
  }

  /**
   * Reads tensors from memory, e.g. from a database. The bytes are not copied and must not change
   * as long as this or a buffer of it is used.
   *
   * @param name what messages call them
   * @param bytes a whole safetensors file, from the buffer's position to its limit
   * @return the tensors
   * @throws TensorFileException if the bytes do not keep to the format
   * @throws IOException never for another reason
   */
  public static Safetensors of(String name, ByteBuffer bytes) throws IOException {
    Safetensors result = new Safetensors(name);
    result.add(TensorBytes.of(name, bytes));
    return result;
  }

  /**
   * Opens a file, or the model in a directory: the shards that {@code model.safetensors.index.json}
   * names if there is one, else {@code model.safetensors}.
   *
   * @param fileOrDirectory what to open
   * @return the open files
   * @throws TensorFileException if a file does not keep to the format
   * @throws IOException if a file is missing or cannot be read
   */
  public static Safetensors open(Path fileOrDirectory) throws IOException {
    Safetensors result = new Safetensors(fileOrDirectory.toString());
    try {
      if (!Files.isDirectory(fileOrDirectory)) {
        result.add(TensorBytes.of(fileOrDirectory));
      } else if (Files.exists(fileOrDirectory.resolve(ShardIndex.FILE_NAME))) {
        result.addShards(fileOrDirectory.resolve(ShardIndex.FILE_NAME));
      } else if (Files.exists(fileOrDirectory.resolve(SINGLE_FILE))) {
        result.add(TensorBytes.of(fileOrDirectory.resolve(SINGLE_FILE)));
      } else {
        throw new NoSuchFileException(
            fileOrDirectory.toString(),
            null,
            "holds neither %s nor %s%s"
                .formatted(
                    SINGLE_FILE,
                    ShardIndex.FILE_NAME,
                    Files.exists(fileOrDirectory.resolve(PICKLE))
                        ? "; %s is a pickle, which can run code and is not read: convert it"
                            .formatted(PICKLE)
                        : ""));
      }
      return result;
    } catch (IOException | RuntimeException e) {
      result.close();
      throw e;
    }
  }

  private void addShards(Path index) throws IOException {
    Map<String, Path> wanted = ShardIndex.read(index);
    for (Path shard : new LinkedHashSet<>(wanted.values())) {
      add(TensorBytes.of(shard));
    }
    for (Map.Entry<String, Path> entry : wanted.entrySet()) {
      TensorEntry tensor = tensors.get(entry.getKey());
      if (tensor == null || !tensor.file().equals(entry.getValue())) {
        throw new TensorFileException(
            index,
            "tensor '%s' is not in shard '%s'"
                .formatted(entry.getKey(), entry.getValue().getFileName()));
      }
    }
  }

  private void add(TensorBytes file) throws IOException {
    files.put(file.file(), file);
    SafetensorsHeader header = SafetensorsHeader.read(file);
    for (TensorEntry tensor : header.tensors()) {
      TensorEntry other = tensors.put(tensor.name(), tensor);
      if (other != null) {
        throw new TensorFileException(
            file.name(), "tensor '%s' is also in %s".formatted(tensor.name(), other.file()));
      }
    }
    metadata.putAll(header.metadata());
  }

  /**
   * All tensors, in the order of their data.
   *
   * @return entries of all files
   */
  @Override
  public List<TensorEntry> tensors() {
    return new ArrayList<>(tensors.values());
  }

  /**
   * Looks a tensor up.
   *
   * @param name its name
   * @return empty if no file has it
   */
  @Override
  public Optional<TensorEntry> find(String name) {
    return Optional.ofNullable(tensors.get(name));
  }

  /**
   * Looks up a tensor that must be there.
   *
   * @param name its name
   * @return its entry
   * @throws TensorFileException if no file has it
   */
  public TensorEntry require(String name) throws TensorFileException {
    TensorEntry tensor = tensors.get(name);
    if (tensor == null) {
      throw new TensorFileException(source, "has no tensor '%s'".formatted(name));
    }
    return tensor;
  }

  /**
   * The files' own notes, e.g. {@code format=pt}.
   *
   * @return the metadata of all files
   */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /**
   * A piece of a tensor where it is: mapped, or a part of the bytes in memory.
   *
   * @param tensor an entry of these files
   * @param from first byte, counted from the start of the tensor
   * @param length bytes, at most 2 GiB
   * @return the bytes, read-only, little-endian
   * @throws IOException if the file cannot be mapped
   * @throws IndexOutOfBoundsException if the piece leaves the tensor
   */
  public ByteBuffer buffer(TensorEntry tensor, long from, int length) throws IOException {
    if (from < 0 || length < 0 || from > tensor.bytes() - length) {
      throw new IndexOutOfBoundsException(
          "bytes %d to %d of tensor '%s', which has %d"
              .formatted(from, from + length, tensor.name(), tensor.bytes()));
    }
    TensorBytes file = fileOf(tensor);
    if (file.size() < tensor.offset() + tensor.bytes()) {
      throw new TensorFileException(tensor.file(), "was cut short after it was opened");
    }
    return file.slice(tensor.offset() + from, length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private TensorBytes fileOf(TensorEntry tensor) {
    TensorBytes file = files.get(tensor.file());
    if (file == null) {
      throw new IllegalArgumentException(
          "tensor '%s' is not of these files".formatted(tensor.name()));
    }
    return file;
  }

  /**
   * Converts a tensor to fp32, exactly as torch does; wider types are rounded.
   *
   * @param tensor an entry of these files, fewer than 2³¹ elements
   * @return its elements, row-major
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the tensor has too many elements for an array
   */
  @Override
  public float[] floats(TensorEntry tensor) throws IOException {
    if (tensor.elements() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "tensor '%s' has %d elements, an array holds fewer than 2^31; read it by buffer()"
              .formatted(tensor.name(), tensor.elements()));
    }
    return floats(tensor, 0, (int) tensor.elements());
  }

  /**
   * Converts a piece of a tensor to fp32, exactly as torch does; wider types are rounded.
   *
   * @param tensor an entry of these files
   * @param from first element, row-major
   * @param count elements
   * @return so many elements
   * @throws IOException if the file cannot be read
   * @throws IndexOutOfBoundsException if the piece leaves the tensor
   */
  @Override
  public float[] floats(TensorEntry tensor, long from, int count) throws IOException {
    TensorBytes.checkPiece(tensor, from, count);
    long offset = tensor.offset() + from * tensor.dtype().sizeInBytes();
    return Elements.floats(fileOf(tensor), offset, tensor.dtype(), count);
  }

  @Override
  public void read(TensorEntry tensor, long from, ByteBuffer into) throws IOException {
    TensorBytes.checkPiece(tensor, from, into.remaining() / Float.BYTES);
    long offset = tensor.offset() + from * tensor.dtype().sizeInBytes();
    Elements.read(fileOf(tensor), offset, tensor.dtype(), into);
  }

  /** The buffer of a whole tensor. */
  @Override
  public ByteBuffer bytes(TensorEntry tensor) throws IOException {
    return buffer(tensor, 0, TensorBytes.length(tensor));
  }

  /**
   * Hash of the whole file, as it was opened: what an audit record can name it by.
   *
   * @return SHA-256 in 64 lower-case hexadecimal digits
   * @throws IOException if the file cannot be read
   * @throws IllegalStateException if a model of several shards is open
   */
  @Override
  public String sha256() throws IOException {
    if (files.size() != 1) {
      throw new IllegalStateException(
          "%s has %d shards, a hash belongs to one file".formatted(source, files.size()));
    }
    return files.values().iterator().next().sha256();
  }

  @Override
  public void close() throws IOException {
    for (TensorBytes file : files.values()) {
      file.close();
    }
  }
}
