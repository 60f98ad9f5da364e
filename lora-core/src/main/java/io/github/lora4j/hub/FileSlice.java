package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Objects;
import java.util.function.LongConsumer;

/** A part of a file as the body of a request; one that is sent again starts at its beginning. */
final class FileSlice extends InputStream {

  private final FileChannel channel;
  private final long start;
  private final long length;
  private final LongConsumer sent;
  private long done;

  private FileSlice(FileChannel channel, long start, long length, LongConsumer sent) {
    this.channel = channel;
    this.start = start;
    this.length = length;
    this.sent = sent;
  }

  /**
   * A body of known length: the stores behind a hub take no other.
   *
   * @param channel stays the caller's, so that a connection that breaks leaks no file
   * @param sent is told how much of the slice is on its way, bytes; goes back when it is sent again
   */
  static HttpRequest.BodyPublisher body(
      FileChannel channel, long start, long length, LongConsumer sent) {
    return HttpRequest.BodyPublishers.fromPublisher(
        HttpRequest.BodyPublishers.ofInputStream(() -> new FileSlice(channel, start, length, sent)),
        length);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] bytes, int offset, int count) throws IOException {
    Objects.checkFromIndexSize(offset, count, bytes.length);
    int most = (int) Math.min(count, length - done);
    if (most <= 0) {
      return count == 0 ? 0 : -1;
    }
    int read = channel.read(ByteBuffer.wrap(bytes, offset, most), start + done);
    if (read < 0) {
      throw new IOException("the file became shorter while it was uploaded");
    }
    done += read;
    sent.accept(done);
    return read;
  }
}
