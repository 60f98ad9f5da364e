package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/** Content on its way: goes on where an earlier download stopped, and is hashed as it grows. */
final class IncompleteFile implements AutoCloseable {

  private static final int BUFFER = 1 << 20;

  private final Path path;
  private final RemoteFile file;
  private final FileChannel channel;
  private MessageDigest digest;
  private long position;

  private IncompleteFile(Path path, RemoteFile file) throws IOException {
    this.path = path;
    this.file = file;
    this.digest = newDigest(file);
    this.channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS);
  }

  /** Opens what is there, or an empty file. */
  static IncompleteFile open(Path path, RemoteFile file) throws IOException {
    IncompleteFile opened = new IncompleteFile(path, file);
    try {
      opened.hashWhatIsThere();
      return opened;
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  private void hashWhatIsThere() throws IOException {
    if (channel.size() > file.size()) {
      restart();
      return;
    }
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    while (channel.read(buffer) >= 0) {
      buffer.flip();
      position += buffer.remaining();
      digest.update(buffer);
      buffer.clear();
    }
  }

  long position() {
    return position;
  }

  /** Forgets all bytes. */
  void restart() throws IOException {
    channel.truncate(0);
    channel.position(0);
    position = 0;
    digest = newDigest(file);
  }

  /**
   * Adds bytes.
   *
   * @throws HubException if the disk is full
   * @throws InterruptedIOException if the thread was interrupted
   */
  void write(ByteBuffer bytes) throws IOException {
    digest.update(bytes.duplicate());
    position += bytes.remaining();
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (ClosedByInterruptException e) {
      throw (IOException) new InterruptedIOException("interrupted while writing").initCause(e);
    } catch (IOException e) {
      throw notWritten(e);
    }
  }

  private IOException notWritten(IOException cause) {
    String why = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
    if (why.contains("space") || why.contains("quota")) {
      return new HubException(
          HubException.Kind.DISK_FULL,
          "%s: the disk of %s is full (%s); make room and load again, it goes on where it stopped"
              .formatted(file.subject(), path, cause.getMessage()),
          cause);
    }
    return new FileSystemException(path.toString(), null, cause.getMessage());
  }

  /** Whether all bytes are there and are the right ones. */
  boolean isRight() throws IOException {
    MessageDigest soFar;
    try {
      soFar = (MessageDigest) digest.clone();
    } catch (CloneNotSupportedException e) {
      throw new IOException("the JDK's %s cannot be copied".formatted(digest.getAlgorithm()), e);
    }
    return position == file.size() && HexFormat.of().formatHex(soFar.digest()).equals(file.etag());
  }

  /** Makes it visible under its hash. */
  void moveTo(Path blob) throws IOException {
    channel.force(true);
    channel.close();
    Files.move(path, blob, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** Git hashes the length along; large content is under its plain sha-256. */
  private static MessageDigest newDigest(RemoteFile file) throws IOException {
    boolean git = file.etag().length() == 40;
    try {
      MessageDigest digest = MessageDigest.getInstance(git ? "SHA-1" : "SHA-256");
      if (git) {
        digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.UTF_8));
      }
      return digest;
    } catch (NoSuchAlgorithmException e) {
      throw new IOException("this JDK has no SHA-1 or SHA-256", e);
    }
  }
}
