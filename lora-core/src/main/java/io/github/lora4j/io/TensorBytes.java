package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Where the bytes of one file are. */
abstract class TensorBytes implements AutoCloseable {

  /** Bytes that are hashed at a time. */
  private static final int HASHED = 1 << 20;

  private final String name;
  private final Path file;

  private TensorBytes(String name, Path file) {
    this.name = name;
    this.file = file;
  }

  static TensorBytes of(Path file) throws IOException {
    return new OnDisk(file, FileChannel.open(file, StandardOpenOption.READ));
  }

  static TensorBytes of(String name, ByteBuffer bytes) {
    return new InMemory(name, bytes.asReadOnlyBuffer());
  }

  /** What messages call it. */
  final String name() {
    return name;
  }

  /** The file; for bytes in memory, a path that is none. */
  final Path file() {
    return file;
  }

  abstract long size() throws IOException;

  /** Bytes that stay valid after closing; mapped where they are on a disk. */
  abstract ByteBuffer slice(long from, int count) throws IOException;

  /**
   * Bytes to be looked at once. A file's are read: a mapping would stay until the garbage collector
   * finds it, and a process has 65,530 of them.
   */
  final ByteBuffer read(long from, int count) throws IOException {
    return read(from, ByteBuffer.allocate(count));
  }

  /** The same for as many bytes as a buffer has left, read into it unless they are in memory. */
  abstract ByteBuffer read(long from, ByteBuffer room) throws IOException;

  /** Copies as many bytes as a buffer has left into it, from its first one on. */
  abstract void fill(long from, ByteBuffer room) throws IOException;

  /** Length of a tensor as a buffer counts it. */
  static int length(TensorEntry tensor) {
    if (tensor.bytes() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "tensor '%s' has %d bytes, a buffer holds fewer than 2^31"
              .formatted(tensor.name(), tensor.bytes()));
    }
    return (int) tensor.bytes();
  }

  /** That a piece is one of the tensor. */
  static void checkPiece(TensorEntry tensor, long from, int count) {
    if (from < 0 || count < 0 || from > tensor.elements() - count) {
      throw new IndexOutOfBoundsException(
          "elements %d to %d of tensor '%s', which has %d"
              .formatted(from, from + count, tensor.name(), tensor.elements()));
    }
  }

  /** In 64 lower-case hexadecimal digits. */
  final String sha256() throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      long size = size();
      for (long start = 0; start < size; start += HASHED) {
        digest.update(read(start, (int) Math.min(HASHED, size - start)));
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  @Override
  public abstract void close() throws IOException;

  private static final class OnDisk extends TensorBytes {

    private final FileChannel channel;

    OnDisk(Path file, FileChannel channel) {
      super(file.toString(), file);
      this.channel = channel;
    }

    @Override
    long size() throws IOException {
      return channel.size();
    }

    @Override
    ByteBuffer slice(long from, int count) throws IOException {
      return channel.map(MapMode.READ_ONLY, from, count);
    }

    @Override
    ByteBuffer read(long from, ByteBuffer room) throws IOException {
      fill(from, room);
      return room.flip();
    }

    @Override
    void fill(long from, ByteBuffer room) throws IOException {
      while (room.hasRemaining()) {
        if (channel.read(room, from + room.position()) < 0) {
          throw new TensorFileException(
              name(),
              "ends at byte %d, wanted %d; it was cut short after it was opened"
                  .formatted(from + room.position(), from + room.limit()));
        }
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  private static final class InMemory extends TensorBytes {

    private final ByteBuffer bytes;
    private final int start;

    InMemory(String name, ByteBuffer bytes) {
      super(name, Path.of("memory"));
      this.bytes = bytes;
      this.start = bytes.position();
    }

    @Override
    long size() {
      return bytes.remaining();
    }

    @Override
    ByteBuffer slice(long from, int count) {
      return bytes.slice(start + Math.toIntExact(from), count);
    }

    @Override
    ByteBuffer read(long from, ByteBuffer room) {
      return slice(from, room.remaining());
    }

    @Override
    void fill(long from, ByteBuffer room) {
      room.put(slice(from, room.remaining()));
    }

    @Override
    public void close() {}
  }
}
