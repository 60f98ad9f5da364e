package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Tensors by name, in whichever of the formats that are read: {@link Safetensors}, or {@link
 * TorchFile} for what {@code torch.save} wrote. Opening checks everything but the values; nothing
 * in a file is ever run. Safe for use from many threads.
 *
 * @since 0.1.0
 */
public sealed interface TensorFile extends AutoCloseable permits Safetensors, TorchFile {

  /**
   * All tensors.
   *
   * @return entries, each name once
   */
  List<TensorEntry> tensors();

  /**
   * Looks a tensor up.
   *
   * @param name its name
   * @return empty if there is none
   */
  Optional<TensorEntry> find(String name);

  /**
   * Converts a tensor to fp32, exactly as torch does; wider types are rounded.
   *
   * @param tensor an entry of this file, fewer than 2³¹ elements
   * @return its elements, row-major
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the tensor has too many elements for an array
   */
  float[] floats(TensorEntry tensor) throws IOException;

  /**
   * Converts a piece of a tensor to fp32, exactly as torch does; wider types are rounded.
   *
   * @param tensor an entry of this file
   * @param from first element, row-major
   * @param count elements
   * @return so many elements
   * @throws IOException if the file cannot be read
   * @throws IndexOutOfBoundsException if the piece leaves the tensor
   */
  float[] floats(TensorEntry tensor, long from, int count) throws IOException;

  /**
   * Converts a piece of a tensor to fp32 as {@link #floats(TensorEntry, long, int)} does, into
   * memory that is there; what is fp32 in a file is read where it shall be.
   *
   * @param tensor an entry of this file
   * @param from first element, row-major
   * @param into room for four bytes an element, from its position to its limit, which stay; filled
   *     in its own order of bytes
   * @throws IOException if the file cannot be read
   * @throws IndexOutOfBoundsException if the piece leaves the tensor
   */
  void read(TensorEntry tensor, long from, ByteBuffer into) throws IOException;

  /**
   * The elements of a tensor in the type that they are stored in.
   *
   * @param tensor an entry of this file, fewer than 2³¹ bytes
   * @return row-major without gaps, little-endian, read-only
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the tensor has too many bytes for a buffer
   */
  ByteBuffer bytes(TensorEntry tensor) throws IOException;

  /**
   * Hash of the whole file, as it was opened: what an audit record can name it by.
   *
   * @return SHA-256 in 64 lower-case hexadecimal digits
   * @throws IOException if the file cannot be read
   * @throws IllegalStateException if a model of several files is open
   */
  String sha256() throws IOException;

  @Override
  void close() throws IOException;
}
