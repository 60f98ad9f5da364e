package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorFileException;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StoredValuesTest {

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8, 33})
  void everyPlaceIsLookedAt(int count) {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      for (int at = 0; at < count; at++) {
        ByteBuffer floats = floats(count);
        floats.putFloat(Float.BYTES * at, bad);

        assertThat(StoredValues.isFinite(floats)).as("%s at %d", bad, at).isFalse();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      floats = {
        0,
        -0f,
        Float.MIN_VALUE,
        -Float.MIN_VALUE,
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        1,
        -1.5f
      })
  void everyFiniteNumberPasses(float number) {
    for (int at = 0; at < 3; at++) {
      ByteBuffer floats = floats(3);
      floats.putFloat(Float.BYTES * at, number);

      assertThat(StoredValues.isFinite(floats)).isTrue();
    }
  }

  @Test
  void anyBitsAreJudgedAsJavaJudgesThem() {
    Random random = new Random(1);
    for (int i = 0; i < 100_000; i++) {
      int bits = random.nextInt() | (i % 3 == 0 ? 0x7F80_0000 : 0);
      ByteBuffer floats = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
      floats.putInt(i % 2 * Integer.BYTES, bits);

      assertThat(StoredValues.isFinite(floats))
          .as("%08x", bits)
          .isEqualTo(Float.isFinite(Float.intBitsToFloat(bits)));
    }
  }

  @Test
  void tensorOfManyPiecesIsReadWhole() throws IOException {
    float[] values = new float[100_003];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    try (Safetensors file = file(values)) {
      StoredValues stored = new StoredValues(file, file.require("x"), () -> {});

      assertThat(TensorData.at(List.of((long) values.length), stored).values()).isEqualTo(values);
    }
  }

  @Test
  void whatIsNotFiniteIsReported() throws IOException {
    float[] values = new float[100_003];
    values[100_002] = Float.NaN;
    try (Safetensors file = file(values)) {
      TensorData refused =
          TensorData.at(
              List.of((long) values.length),
              new StoredValues(
                  file,
                  file.require("x"),
                  () -> {
                    throw new LoraException("all that is wrong");
                  }));
      TensorData changed =
          TensorData.at(
              List.of((long) values.length), new StoredValues(file, file.require("x"), () -> {}));

      assertThatThrownBy(refused::values)
          .isInstanceOf(LoraException.class)
          .hasMessage("all that is wrong");
      assertThatThrownBy(changed::values)
          .isInstanceOf(UncheckedIOException.class)
          .hasCauseInstanceOf(TensorFileException.class)
          .hasMessageContaining("tensor 'x' changed while it was read");
    }
  }

  @Test
  void fileThatWasCutShortMeanwhileIsRefused() throws IOException {
    try (Safetensors file = file(new float[1000])) {
      StoredValues stored = new StoredValues(file, file.require("x"), () -> {});
      try (var channel =
          Files.newByteChannel(directory.resolve("x.safetensors"), StandardOpenOption.WRITE)) {
        channel.truncate(2000);
      }

      assertThatThrownBy(() -> TensorData.at(List.of(1000L), stored).values())
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("it was cut short after it was opened");
    }
  }

  private Safetensors file(float[] values) throws IOException {
    Path path = directory.resolve("x.safetensors");
    new SafetensorsWriter().add("x", List.of((long) values.length), values).writeTo(path);
    return Safetensors.open(path);
  }

  private static ByteBuffer floats(int count) {
    ByteBuffer floats = ByteBuffer.allocate(Float.BYTES * count).order(ByteOrder.nativeOrder());
    for (int i = 0; i < count; i++) {
      floats.putFloat(Float.BYTES * i, i - 1.5f);
    }
    return floats;
  }
}
