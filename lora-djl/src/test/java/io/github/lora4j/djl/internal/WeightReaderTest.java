package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.io.DType;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Chunks of a few elements, so that every kind of border is met. */
final class WeightReaderTest {

  private static final long ROWS = 7;
  private static final long COLUMNS = 5;

  private final Path file;

  WeightReaderTest(@TempDir Path directory) throws IOException {
    file = directory.resolve("model.safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    for (DType dtype : List.of(DType.F64, DType.F32, DType.BF16)) {
      writer.add(dtype.name(), dtype, List.of(ROWS, COLUMNS), values(dtype));
    }
    writer.writeTo(file);
  }

  private static ByteBuffer values(DType dtype) {
    ByteBuffer bytes = ByteBuffer.allocate(35 * dtype.sizeInBytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
      float value = value(i);
      switch (dtype) {
        case F64 -> bytes.putDouble(value);
        case F32 -> bytes.putFloat(value);
        default -> bytes.putShort((short) (Float.floatToIntBits(value) >>> 16));
      }
    }
    return bytes.flip();
  }

  /** Exact in bf16. */
  private static float value(int i) {
    return (i * 37 % 64 - 31) * (i % 3 == 0 ? 0.25f : 2);
  }

  @ParameterizedTest
  @CsvSource({
    "F64, FP32, 1",
    "F64, BF16, 4",
    "F32, BF16, 3",
    "F32, FP16, 34",
    "BF16, FP32, 35",
    "BF16, FP32, 6",
    "BF16, FP16, 1000",
  })
  void convertedTensorsDoNotDependOnTheChunk(DType stored, ScalarType type, long chunk)
      throws IOException {
    try (NDManager manager = Engines.newManager(Device.cpu());
        Safetensors files = Safetensors.open(file);
        WeightReader reader = new WeightReader(files, manager, chunk)) {
      NDArray read = reader.read(files.require(stored.name()), type);

      NDArray values = Kernels.get().one(manager, "convert", read, ScalarType.FP32.code());
      assertThat(read.getShape().getShape()).containsExactly(ROWS, COLUMNS);
      for (int i = 0; i < ROWS * COLUMNS; i++) {
        assertThat(values.toFloatArray()[i]).isEqualTo(value(i));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"F64, 1", "F32, 5", "F32, 12", "BF16, 34", "BF16, 1000"})
  void int8DoesNotDependOnTheChunk(DType stored, long chunk) throws IOException {
    try (NDManager manager = Engines.newManager(Device.cpu());
        Safetensors files = Safetensors.open(file);
        WeightReader reader = new WeightReader(files, manager, chunk)) {
      WeightReader.Quantised read = reader.readInt8(files.require(stored.name()));

      float[] scales = read.scales().toFloatArray();
      byte[] values = read.values().toByteArray();
      for (int row = 0; row < ROWS; row++) {
        float largest = 0;
        for (int i = row * 5; i < row * 5 + 5; i++) {
          largest = Math.max(largest, Math.abs(value(i)));
          assertThat((float) values[i]).isEqualTo((float) Math.rint(value(i) / scales[row]));
        }
        assertThat(scales[row] * 127).isBetween(largest * 0.996f, largest * 1.004f);
      }
    }
  }

  @Test
  void piecesAreLetGoAndTensorsThatFitAreMapped() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    Assumptions.assumeTrue(Files.exists(maps), "only Linux says what a process has mapped");
    try (NDManager manager = Engines.newManager(Device.cpu());
        Safetensors files = Safetensors.open(file);
        WeightReader reader = new WeightReader(files, manager, 5)) {
      TensorEntry entry = files.require("BF16");

      reader.read(entry, ScalarType.FP32);
      reader.readInt8(entry);
      assertThat(mapped(maps)).isZero();

      reader.read(entry, ScalarType.BF16);
      assertThat(mapped(maps)).isEqualTo(1);
    }
  }

  private long mapped(Path maps) throws IOException {
    return Files.readAllLines(maps).stream().filter(line -> line.endsWith(file.toString())).count();
  }
}
