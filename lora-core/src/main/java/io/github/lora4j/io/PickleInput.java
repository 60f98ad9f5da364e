package io.github.lora4j.io;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The bytes of pickles one after the other; every message says at which opcode it arose. */
final class PickleInput {

  /** What every refusal ends in. */
  static final String ADVICE =
      "; of a pickle, only the dictionary of tensors that torch.save writes is read, and nothing in"
          + " it was run; have the adapter saved as adapter_model.safetensors";

  /** Longest name of a global that is read, bytes. */
  private static final int LONGEST_LINE = 256;

  private final String file;
  private final String part;
  private final ByteBuffer bytes;
  private int opcodeAt;

  /**
   * From the buffer's position to its limit.
   *
   * @param part what the bytes are in the file, e.g. {@code data.pkl}
   */
  PickleInput(String file, String part, ByteBuffer bytes) {
    this.file = file;
    this.part = part;
    this.bytes = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Bytes read so far. */
  int position() {
    return bytes.position();
  }

  int remaining() {
    return bytes.remaining();
  }

  PickleOpcode opcode() throws TensorFileException {
    opcodeAt = bytes.position();
    int code = u1();
    return PickleOpcode.of(code)
        .orElseThrow(() -> problem("0x%02x is no opcode of a pickle%s", code, ADVICE));
  }

  int u1() throws TensorFileException {
    require(1);
    return bytes.get() & 0xFF;
  }

  int u2() throws TensorFileException {
    require(2);
    return bytes.getShort() & 0xFFFF;
  }

  int i4() throws TensorFileException {
    require(4);
    return bytes.getInt();
  }

  long i8() throws TensorFileException {
    require(8);
    return bytes.getLong();
  }

  /** A whole number of so many bytes. */
  BigInteger number(int count) throws TensorFileException {
    require(count);
    byte[] bigEndian = new byte[count];
    for (int i = count - 1; i >= 0; i--) {
      bigEndian[i] = bytes.get();
    }
    return count == 0 ? BigInteger.ZERO : new BigInteger(bigEndian);
  }

  String text(long count) throws TensorFileException {
    require(count);
    ByteBuffer piece = bytes.slice(bytes.position(), (int) count);
    bytes.position(bytes.position() + (int) count);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(piece).toString();
    } catch (CharacterCodingException e) {
      throw problem("a text is not UTF-8");
    }
  }

  /** A text up to a line break. */
  String line() throws TensorFileException {
    int length = 0;
    while (length < LONGEST_LINE && length < bytes.remaining()) {
      if (bytes.get(bytes.position() + length) == '\n') {
        String line = text(length);
        bytes.get();
        return line;
      }
      length++;
    }
    throw problem("a name does not end within %d bytes", LONGEST_LINE);
  }

  private void require(long count) throws TensorFileException {
    if (count < 0 || count > bytes.remaining()) {
      throw problem(
          "wants %d bytes more, but there are %d; the file is truncated or damaged",
          count, bytes.remaining());
    }
  }

  /** The damage at the opcode that was read last. */
  TensorFileException problem(String format, Object... arguments) {
    return new TensorFileException(
        file, "%s, byte %d: %s".formatted(part, opcodeAt, format.formatted(arguments)));
  }

  /** Something that may be right in a pickle, but not in one of tensors. */
  TensorFileException refusal(String format, Object... arguments) {
    return problem("%s is refused%s", format.formatted(arguments), ADVICE);
  }
}
