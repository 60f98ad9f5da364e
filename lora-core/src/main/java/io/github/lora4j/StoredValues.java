package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.io.TensorFileException;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;

/**
 * The values of a tensor in an open file, for an engine to take into its own memory, where they are
 * checked.
 *
 * @param file the file
 * @param tensor the tensor
 * @param report says what is wrong with the file, and is asked if a value is not finite
 */
record StoredValues(TensorFile file, TensorEntry tensor, Report report)
    implements TensorData.Source {

  /** Throws if anything is wrong. */
  @FunctionalInterface
  interface Report {
    void check() throws IOException;
  }

  /** The exponents of two numbers; all bits of one are set in NaN and infinity. */
  private static final long EXPONENTS = 0x7F80_0000_7F80_0000L;

  /** Carries an exponent of ones, and no other, into the place of the sign. */
  private static final long CARRY = 0x0080_0000_0080_0000L;

  private static final long SIGNS = 0x8000_0000_8000_0000L;

  @Override
  public void writeTo(ByteBuffer room) {
    try {
      file.read(tensor, 0, room);
      if (!isFinite(room)) {
        report.check();
        throw new TensorFileException(
            tensor.file(), "tensor '%s' changed while it was read".formatted(tensor.name()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Two numbers at a time: all elements of all adapters pass here. */
  static boolean isFinite(ByteBuffer floats) {
    LongBuffer pairs = floats.asLongBuffer();
    long carried = 0;
    for (int i = 0; i < pairs.limit(); i++) {
      carried |= (pairs.get(i) & EXPONENTS) + CARRY;
    }
    boolean odd = floats.limit() % Long.BYTES != 0;
    return (carried & SIGNS) == 0
        && (!odd || Float.isFinite(floats.getFloat(floats.limit() - Float.BYTES)));
  }
}
