package io.github.lora4j.djl.internal;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.djl.GoldenTensors;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The AdamW kernel against torch.optim.AdamW, step by step. */
final class OptimizerGoldenTest {

  private static final Path DIRECTORY = Path.of("src/test/resources/golden/bloom/optimizer");

  @ParameterizedTest
  @ValueSource(strings = {"defaults", "decay", "large-epsilon", "short-memory"})
  void tenStepsEqualTorch(String name) throws IOException {
    Map<String, TensorData> golden = GoldenTensors.read(DIRECTORY.resolve("expected.safetensors"));
    JsonObject settings =
        JsonParser.parseString(Files.readString(DIRECTORY.resolve("manifest.json")))
            .getAsJsonObject()
            .getAsJsonObject("adamw")
            .getAsJsonObject(name);
    float[] gradients = values(golden, "gradients");
    float[] start = values(golden, "parameter");

    try (NDManager manager = Engines.newManager(Device.cpu())) {
      NDArray parameter = manager.create(start);
      NDArray first = manager.zeros(parameter.getShape());
      NDArray second = manager.zeros(parameter.getShape());
      NDArray decay = manager.ones(parameter.getShape());
      for (int step = 1; step <= 10; step++) {
        int from = (step - 1) * start.length;
        NDArray gradient = manager.create(Arrays.copyOfRange(gradients, from, from + start.length));
        Kernels.get()
            .run(
                "adamw",
                parameter,
                gradient,
                first,
                second,
                decay,
                settings.get("lr").getAsDouble(),
                settings.getAsJsonArray("betas").get(0).getAsDouble(),
                settings.getAsJsonArray("betas").get(1).getAsDouble(),
                settings.get("eps").getAsDouble(),
                settings.get("weight_decay").getAsDouble(),
                step);

        assertRelative(
            parameter.toFloatArray(), values(golden, "adamw/%s/%d".formatted(name, step)));
      }
    }
  }

  private static float[] values(Map<String, TensorData> golden, String name) {
    return requireNonNull(golden.get(name), name).values();
  }

  private static void assertRelative(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < actual.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    }
    assertThat(difference / largest).isLessThanOrEqualTo(1e-6);
  }
}
