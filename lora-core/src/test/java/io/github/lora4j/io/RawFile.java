package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Safetensors files made by hand, right or wrong. */
final class RawFile {

  private RawFile() {}

  /** A header as given and so many bytes of data. */
  static Path write(Path directory, String header, int dataBytes) throws IOException {
    return write(directory, header.getBytes(StandardCharsets.UTF_8), dataBytes);
  }

  static Path write(Path directory, byte[] header, int dataBytes) throws IOException {
    return writeClaiming(directory, header.length, header, dataBytes);
  }

  /** A file whose first number says something about the header that need not be true. */
  static Path writeClaiming(Path directory, long length, byte[] header, int dataBytes)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes);
    bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(header);
    return Files.write(directory.resolve("raw.safetensors"), bytes.array());
  }

  /** The header's entry of one tensor. */
  static String tensor(String name, String dtype, String shape, String offsets) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}"
        .formatted(name, dtype, shape, offsets);
  }
}
