package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A dictionary of tensors that {@code torch.save} wrote, e.g. {@code adapter_model.bin}: the zip
 * archives of PyTorch 1.6 and later, or the older layout. Such a file holds a pickle, a program for
 * Python; here it is read by a reader that knows only what {@code torch.save} writes for tensors
 * and runs nothing. Every other opcode and every other name is refused by name, before any memory
 * is taken.
 *
 * <pre>{@code
 * try (TorchFile file = TorchFile.open(Path.of("adapter_model.bin"))) {
 *   for (TensorEntry tensor : file.tensors()) {
 *     float[] values = file.floats(tensor);
 *   }
 * }
 * }</pre>
 *
 * <p>Tensors may share storages, be slices of them, transposed, or parameters. Not read: tensors
 * that repeat elements of their storage, sparse or quantised ones, tensors with attributes,
 * archives that are compressed or written by a big-endian machine.
 *
 * @since 0.1.0
 */
public final class TorchFile implements TensorFile {

  /** Tensors may share storages, and so claim more together than a file holds; only so much. */
  private static final int MOST_SHARING = 16;

  private final TensorBytes file;
  private final Map<String, TensorEntry> entries = new LinkedHashMap<>();
  private final Map<String, TorchTensor> tensors;

  private TorchFile(TensorBytes file) throws IOException {
    this.file = file;
    TorchLayout layout = TorchLayout.read(file);
    this.tensors = layout.tensors();
    long claimed = 0;
    for (Map.Entry<String, TorchTensor> entry : tensors.entrySet()) {
      TorchTensor tensor = entry.getValue();
      int size = tensor.dtype().sizeInBytes();
      long start = layout.starts().getOrDefault(tensor.storage().key(), 0L);
      long bytes = tensor.elements() * size;
      entries.put(
          entry.getKey(),
          new TensorEntry(
              entry.getKey(),
              tensor.dtype(),
              tensor.shape(),
              file.file(),
              start + tensor.offset() * size,
              bytes));
      claimed += bytes;
      if (claimed / MOST_SHARING > file.size()) {
        throw new TensorFileException(
            file.name(),
            "its tensors claim more than %d times the %d bytes of the file"
                .formatted(MOST_SHARING, file.size()));
      }
    }
  }

  /**
   * Opens a file.
   *
   * @param file what {@code torch.save} wrote
   * @return the open file
   * @throws TensorFileException if it is damaged, or holds anything but a dictionary of tensors
   * @throws IOException if it is missing or cannot be read
   */
  public static TorchFile open(Path file) throws IOException {
    TensorBytes bytes = TensorBytes.of(file);
    try {
      return new TorchFile(bytes);
    } catch (IOException | RuntimeException e) {
      bytes.close();
      throw e;
    }
  }

  /**
   * Reads tensors from memory, e.g. from a database. The bytes are not copied and must not change
   * as long as this is used.
   *
   * @param name what messages call them
   * @param bytes all that {@code torch.save} wrote, from the buffer's position to its limit
   * @return the tensors
   * @throws TensorFileException if it is damaged, or holds anything but a dictionary of tensors
   * @throws IOException never for another reason
   */
  public static TorchFile of(String name, ByteBuffer bytes) throws IOException {
    return new TorchFile(TensorBytes.of(name, bytes));
  }

  /** In the order of the dictionary. */
  @Override
  public List<TensorEntry> tensors() {
    return new ArrayList<>(entries.values());
  }

  @Override
  public Optional<TensorEntry> find(String name) {
    return Optional.ofNullable(entries.get(name));
  }

  @Override
  public float[] floats(TensorEntry tensor) throws IOException {
    if (tensor.elements() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "tensor '%s' has %d elements, an array holds fewer than 2^31"
              .formatted(tensor.name(), tensor.elements()));
    }
    return floats(tensor, 0, (int) tensor.elements());
  }

  @Override
  public float[] floats(TensorEntry tensor, long from, int count) throws IOException {
    TensorBytes.checkPiece(tensor, from, count);
    int size = tensor.dtype().sizeInBytes();
    if (viewOf(tensor).isContiguous()) {
      return Elements.floats(file, tensor.offset() + from * size, tensor.dtype(), count);
    }
    float[] values = new float[count];
    convert(tensor, from, FloatBuffer.wrap(values));
    return values;
  }

  @Override
  public void read(TensorEntry tensor, long from, ByteBuffer into) throws IOException {
    TensorBytes.checkPiece(tensor, from, into.remaining() / Float.BYTES);
    if (viewOf(tensor).isContiguous()) {
      long offset = tensor.offset() + from * tensor.dtype().sizeInBytes();
      Elements.read(file, offset, tensor.dtype(), into);
    } else {
      convert(tensor, from, into.asFloatBuffer());
    }
  }

  /** Of a view whose elements are scattered. */
  private void convert(TensorEntry tensor, long from, FloatBuffer into) throws IOException {
    int size = tensor.dtype().sizeInBytes();
    ByteBuffer piece = bytes(tensor).slice((int) from * size, into.remaining() * size);
    Elements.convert(piece, tensor.dtype(), into);
  }

  @Override
  public ByteBuffer bytes(TensorEntry tensor) throws IOException {
    TorchTensor view = viewOf(tensor);
    int length = TensorBytes.length(tensor);
    int size = tensor.dtype().sizeInBytes();
    long spanned = view.isContiguous() ? length : (view.end() - view.offset()) * size;
    if (spanned > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "tensor '%s' is scattered over %d bytes, a buffer holds fewer than 2^31"
              .formatted(tensor.name(), spanned));
    }
    ByteBuffer span = file.read(tensor.offset(), (int) spanned);
    ByteBuffer inOrder = view.isContiguous() ? span : RowMajor.of(view, span, length);
    return inOrder.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  private TorchTensor viewOf(TensorEntry tensor) {
    TorchTensor view = tensors.get(tensor.name());
    if (view == null || !tensor.equals(entries.get(tensor.name()))) {
      throw new IllegalArgumentException(
          "tensor '%s' is not of this file".formatted(tensor.name()));
    }
    return view;
  }

  @Override
  public String sha256() throws IOException {
    return file.sha256();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
