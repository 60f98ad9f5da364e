package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** Elements of every type as fp32, converted exactly as torch does. */
final class Elements {

  /** Bytes that are converted at a time: they are still in the processor's cache then. */
  private static final int CHUNK = 1 << 17;

  /** Off the heap, where files are read into without a copy; Java keeps as much for each thread. */
  private static final ThreadLocal<ByteBuffer> ROOM =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(CHUNK));

  private Elements() {}

  /** Reads elements that stand one after the other, the first at a byte of the file. */
  static float[] floats(TensorBytes file, long offset, DType dtype, int count) throws IOException {
    float[] values = new float[count];
    read(file, offset, dtype, FloatBuffer.wrap(values));
    return values;
  }

  /** Reads as many as there is room for, in the order of bytes of the buffer. */
  static void read(TensorBytes file, long offset, DType dtype, ByteBuffer into) throws IOException {
    if (dtype == DType.F32 && into.order() == ByteOrder.LITTLE_ENDIAN) {
      file.fill(offset, into.slice());
    } else {
      read(file, offset, dtype, into.asFloatBuffer());
    }
  }

  private static void read(TensorBytes file, long offset, DType dtype, FloatBuffer into)
      throws IOException {
    int size = dtype.sizeInBytes();
    int most = CHUNK / size;
    long at = offset;
    while (into.hasRemaining()) {
      int length = size * Math.min(most, into.remaining());
      convert(file.read(at, ROOM.get().clear().limit(length)), dtype, into);
      at += length;
    }
  }

  /** Converts all that a buffer has left. */
  static void convert(ByteBuffer source, DType dtype, FloatBuffer into) {
    ByteBuffer bytes = source.slice().order(ByteOrder.LITTLE_ENDIAN);
    if (dtype == DType.F32) {
      into.put(bytes.asFloatBuffer());
      return;
    }
    int length = bytes.remaining() / dtype.sizeInBytes();
    for (int i = 0; i < length; i++) {
      into.put(element(dtype, bytes, i));
    }
  }

  private static float element(DType dtype, ByteBuffer bytes, int i) {
    return switch (dtype) {
      case BOOL -> bytes.get(i) == 0 ? 0 : 1;
      case U8 -> bytes.get(i) & 0xFF;
      case I8 -> bytes.get(i);
      case F8_E5M2 -> HalfFloats.fromE5M2(bytes.get(i));
      case F8_E4M3 -> HalfFloats.fromE4M3(bytes.get(i));
      case F8_E8M0 -> HalfFloats.fromE8M0(bytes.get(i));
      case F8_E4M3FNUZ -> HalfFloats.fromE4M3Fnuz(bytes.get(i));
      case F8_E5M2FNUZ -> HalfFloats.fromE5M2Fnuz(bytes.get(i));
      case I16 -> bytes.getShort(2 * i);
      case U16 -> bytes.getShort(2 * i) & 0xFFFF;
      case F16 -> HalfFloats.fromF16(bytes.getShort(2 * i));
      case BF16 -> HalfFloats.fromBF16(bytes.getShort(2 * i));
      case I32 -> (float) bytes.getInt(4 * i);
      case U32 -> (float) (bytes.getInt(4 * i) & 0xFFFFFFFFL);
      case F32 -> bytes.getFloat(4 * i);
      case F64 -> (float) bytes.getDouble(8 * i);
      case I64 -> (float) bytes.getLong(8 * i);
      case U64 -> unsigned(bytes.getLong(8 * i));
    };
  }

  private static float unsigned(long value) {
    // halve with the lost bit kept sticky, so that rounding sees it
    return value >= 0 ? (float) value : (float) ((value >>> 1) | (value & 1)) * 2f;
  }
}
