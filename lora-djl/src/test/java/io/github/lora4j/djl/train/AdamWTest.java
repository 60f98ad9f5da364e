package io.github.lora4j.djl.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.Bias;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.GoldenTensors;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AdamWTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/bloom/optimizer");

  /** torch's clip_grad_norm_ on ten numbers, which are the first of an adapter's gradients here. */
  @ParameterizedTest
  @ValueSource(strings = {"tight", "loose"})
  void clippingEqualsTorch(String name) throws IOException {
    JsonObject golden =
        JsonParser.parseString(Files.readString(GOLDEN.resolve("manifest.json")))
            .getAsJsonObject()
            .getAsJsonObject("clip")
            .getAsJsonObject(name);
    TrainingOptions options =
        TrainingOptions.builder().maxGradNorm(golden.get("max_norm").getAsDouble()).build();

    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      AdapterWeights adapter = peft.model().adapter().orElseThrow();
      setGradients(adapter, clipped(name, "before"));
      try (AdamW optimizer = new AdamW(adapter, options, base.decoder().manager())) {
        double norm = optimizer.gradientNorm();
        optimizer.clip(norm);

        assertThat(norm).isCloseTo(golden.get("norm").getAsDouble(), within(1e-6));
        float[] expected = clipped(name, "after");
        float[] actual = Arrays.copyOf(adapter.flatGradients().toFloatArray(), expected.length);
        for (int i = 0; i < expected.length; i++) {
          assertThat(actual[i]).isCloseTo(expected[i], within(1e-6f));
        }
      }
    }
  }

  private static float[] clipped(String name, String when) throws IOException {
    Map<String, TensorData> golden = GoldenTensors.read(GOLDEN.resolve("expected.safetensors"));
    float[] first = requireNonNull(golden.get("clip/%s/0/%s".formatted(name, when))).values();
    float[] second = requireNonNull(golden.get("clip/%s/1/%s".formatted(name, when))).values();
    float[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }

  private static void setGradients(AdapterWeights adapter, float[] first) {
    float[] all = Arrays.copyOf(first, Math.toIntExact(adapter.flatGradients().size()));
    try (var source = adapter.flatGradients().getManager().create(all)) {
      Kernels.get().run("copy_into", adapter.flatGradients(), source);
    }
  }

  @Test
  void normBoundOfZeroTurnsClippingOff() throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      AdapterWeights adapter = peft.model().adapter().orElseThrow();
      setGradients(adapter, new float[] {3, 4});
      TrainingOptions options = TrainingOptions.builder().maxGradNorm(0).build();
      try (AdamW optimizer = new AdamW(adapter, options, base.decoder().manager())) {
        optimizer.clip(optimizer.gradientNorm());

        assertThat(optimizer.gradientNorm()).isEqualTo(5);
      }
    }
  }

  @Test
  void pairsDecayAndBiasesDoNot() throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft =
            PeftModel.wrap(base, TinyRun.config(0).bias(Bias.LORA_ONLY).build())) {
      AdapterWeights adapter = peft.model().adapter().orElseThrow();
      Map<String, TensorData> before = peft.tensors();
      TrainingOptions options = TrainingOptions.builder().weightDecay(0.5).build();
      try (AdamW optimizer = new AdamW(adapter, options, base.decoder().manager())) {
        optimizer.clearGradients();
        optimizer.update(1, 0.1); // no gradient: what changes is decay, by 1 - 0.1 · 0.5

        assertThat(before.keySet()).anyMatch(name -> name.endsWith(".bias"));
        peft.tensors()
            .forEach(
                (name, tensor) -> {
                  float factor = name.endsWith(".bias") ? 1 : 0.95f;
                  float[] start = requireNonNull(before.get(name)).values();
                  for (int i = 0; i < start.length; i++) {
                    assertThat(tensor.values()[i])
                        .as(name)
                        .isCloseTo(start[i] * factor, within(1e-6f));
                  }
                });
      }
    }
  }

  @Test
  void momentsGoThroughTheHeapUnchanged() throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      AdapterWeights adapter = peft.model().adapter().orElseThrow();
      TrainingOptions options = TrainingOptions.builder().build();
      try (AdamW optimizer = new AdamW(adapter, options, base.decoder().manager());
          AdamW other = new AdamW(adapter, options, base.decoder().manager())) {
        setGradients(adapter, new float[] {3, 4});
        optimizer.update(1, 0.1);

        other.restore(optimizer.moments());

        Map<String, TensorData> moments = new LinkedHashMap<>(optimizer.moments());
        assertThat(moments).hasSize(2 * adapter.names().size());
        assertThat(other.moments().keySet()).isEqualTo(moments.keySet());
        moments.forEach(
            (name, moment) ->
                assertThat(requireNonNull(other.moments().get(name)).values())
                    .isEqualTo(moment.values()));
        assertThat(moments.values()).anyMatch(moment -> moment.values()[0] != 0);
      }
    }
  }
}
