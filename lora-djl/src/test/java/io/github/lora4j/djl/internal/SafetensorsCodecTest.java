package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The reader and the writer against DJL's own codec, which shares no code with them. */
class SafetensorsCodecTest {

  @TempDir private Path directory;
  private NDManager manager;

  @BeforeEach
  void open() {
    manager = Engines.newManager(Device.cpu());
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void djlReadsWhatIsWrittenHere() throws IOException {
    Path file = directory.resolve("ours.safetensors");
    float[] matrix = {1, -2.5f, 3e-20f, Float.MAX_VALUE, -0.0f, 6};
    new SafetensorsWriter()
        .add("base.lora_A.weight", List.of(2L, 3L), matrix)
        .add("base.bias", List.of(1L), new float[] {7})
        .writeTo(file);

    try (InputStream in = Files.newInputStream(file)) {
      NDList read = NDList.decode(manager, in);

      assertThat(read.stream().map(NDArray::getName))
          .containsExactlyInAnyOrder("base.lora_A.weight", "base.bias");
      assertThat(read.get("base.lora_A.weight").getShape()).isEqualTo(new Shape(2, 3));
      assertThat(read.get("base.lora_A.weight").toFloatArray()).containsExactly(matrix);
      assertThat(read.get("base.bias").toFloatArray()).containsExactly(7);
    }
  }

  @Test
  void whatDjlWritesIsReadHere() throws IOException {
    Path file = directory.resolve("djl.safetensors");
    NDArray floats = manager.create(new float[] {0.5f, -3, 1e30f, 4, 5, 6}, new Shape(3, 2));
    floats.setName("floats");
    NDArray halves = floats.toType(DataType.FLOAT16, true);
    halves.setName("halves");
    NDArray doubles = manager.create(new double[] {Math.PI, -1});
    doubles.setName("doubles");
    try (OutputStream out = Files.newOutputStream(file)) {
      new NDList(floats, halves, doubles).encode(out, NDList.Encoding.SAFETENSORS);
    }

    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.tensors().stream().map(TensorEntry::name))
          .containsExactlyInAnyOrder("floats", "halves", "doubles");
      assertThat(read.require("floats").shape()).containsExactly(3L, 2L);
      assertThat(read.floats(read.require("floats"))).containsExactly(floats.toFloatArray());
      assertThat(read.floats(read.require("halves")))
          .containsExactly(halves.toType(DataType.FLOAT32, true).toFloatArray());
      double[] wanted = doubles.toDoubleArray();
      float[] found = read.floats(read.require("doubles"));
      assertThat(found).hasSize(wanted.length);
      assertThat(Arrays.equals(found, new float[] {(float) wanted[0], (float) wanted[1]})).isTrue();
    }
  }
}
