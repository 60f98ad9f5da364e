package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Writes a file so that it is there whole or not at all: aside, fsync, rename. If writing fails,
 * what stood there before still stands.
 *
 * @since 0.1.0
 */
public final class AtomicFile {

  /** Fills a file. */
  @FunctionalInterface
  public interface Content {
    /**
     * Writes everything.
     *
     * @param channel positioned at the start of an empty file
     * @throws IOException if writing fails
     */
    void writeTo(FileChannel channel) throws IOException;
  }

  private AtomicFile() {}

  /**
   * Writes bytes.
   *
   * @param file what to write or replace
   * @param bytes all of its content
   * @throws IOException if writing fails; the file is then as it was
   */
  public static void write(Path file, byte[] bytes) throws IOException {
    write(file, channel -> writeFully(channel, ByteBuffer.wrap(bytes)));
  }

  /**
   * Writes what a callback gives.
   *
   * @param file what to write or replace
   * @param content writes the bytes
   * @throws IOException if writing fails; the file is then as it was
   */
  public static void write(Path file, Content content) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null) {
      throw new IOException(file + " is a root, wanted a file in a directory");
    }
    Path aside = Files.createTempFile(directory, "." + file.getFileName(), ".incomplete");
    try {
      try (FileChannel channel = FileChannel.open(aside, StandardOpenOption.WRITE)) {
        content.writeTo(channel);
        channel.force(true);
      }
      readableByAll(aside);
      move(aside, file);
    } catch (FileSystemException e) {
      throw e; // names its file
    } catch (IOException e) {
      throw new IOException("%s: %s".formatted(file, e.getMessage()), e);
    } finally {
      Files.deleteIfExists(aside);
    }
    syncDirectory(directory);
  }

  /** Temporary files are private to their owner; a model file is not meant to be. */
  private static void readableByAll(Path file) {
    file.toFile().setReadable(true, false);
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /**
   * Makes a rename in a directory outlive a power cut, where the system can.
   *
   * @param directory whose entries changed
   */
  public static void syncDirectory(Path directory) {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows cannot open directories; the rename itself is atomic there all the same.
      return;
    }
  }

  static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
