package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.MatrixFactors;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import io.github.lora4j.testing.FloatOps;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** PiSSA and OLoRA beside a base that stays as it is. */
class StartFromBaseTest {

  @TempDir Path directory;

  private final FloatOps ops = new FloatOps();
  private final FloatMlp base = FloatMlp.random(3, 6, 10, 5, 2);
  private final TensorData x = TensorData.matrix(1, 6, new float[] {1, -2, 0.5f, 3, -1, 0.25f});

  @ParameterizedTest
  @CsvSource({"PISSA, false", "OLORA, false", "PISSA, true", "OLORA, true"})
  void freshAdapterChangesNothing(LoraInit init, boolean dora) {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config(init).dora(dora).build())) {
      assertClose(peft.model().forward(x), base.forward(x), 1e-5);
    }
  }

  /** PEFT: test_lora_pissa_linear_init_default */
  @ParameterizedTest
  @EnumSource(names = {"PISSA", "OLORA"})
  void trainedHalfStartsAsAPartOfTheMatrix(LoraInit init) {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config(init).build())) {
      TensorData w = Objects.requireNonNull(base.weights().get("layers.0.up.weight"));
      LoraLinear pair = peft.plan().pairs().get(0);
      TensorData part = product(peft.tensors(), pair, true);
      TensorData offset = product(peft.tensors(), pair, false);

      assertThat(pair.rank()).isEqualTo(4);
      assertThat(pair.scaling()).isEqualTo(3);
      assertClose(offset, ops.scale(part, -1), 1e-6);
      double share = init == LoraInit.PISSA ? 1 : 1 / pair.scaling();
      TensorData left = ops.addScaled(w, part, -share); // what is not in the leading part
      double rest = dot(left, part) / dot(part, part);
      assertThat(rest).as("the rest is orthogonal to the part").isCloseTo(0, within(1e-5));
      assertThat(dot(left, left)).isLessThan(dot(w, w));
    }
  }

  @Test
  void singularValuesTakenAreTheLargest() {
    LoraConfig whole = config(LoraInit.PISSA).rank(6).alpha(6).build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, whole)) {
      TensorData w = Objects.requireNonNull(base.weights().get("layers.0.up.weight"));

      assertClose(product(peft.tensors(), peft.plan().pairs().get(0), true), w, 1e-5);
    }
  }

  /**
   * PEFT: test_lora_pissa_conversion_same_output_after_loading,
   * test_lora_pissa_conversion_same_output_after_loading_with_rank_pattern,
   * test_lora_pissa_conversion_same_output_after_loading_with_alpha_pattern,
   * test_lora_pissa_conversion_same_output_after_loading_with_rslora,
   * test_olora_conversion_same_output_after_loading. Patterns with rsLoRA are refused there.
   */
  @ParameterizedTest
  @CsvSource({"PISSA, false", "PISSA, true", "OLORA, false", "OLORA, true"})
  void fileIsPlainLoraOfTwiceTheRankAndTheSameScaling(LoraInit init, boolean rsLora)
      throws IOException {
    LoraConfig config =
        config(init)
            .rsLora(rsLora)
            .rankPattern(Map.of("1.down", 3))
            .alphaPattern(Map.of("0.up", 5.0))
            .build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      Objects.requireNonNull(peft.model().adapter().get("layers.0.up.lora_A")).values()[1] += 2;
      peft.save(directory);

      LoraConfig written = LoraConfig.read(directory);
      assertThat(written.rank()).isEqualTo(4);
      assertThat(written.alpha()).isEqualTo(rsLora ? 6 * Math.sqrt(2) : 12);
      assertThat(written.rankPattern()).containsExactly(Map.entry("1.down", 6));
      assertThat(written.alphaPattern().get("0.up")).isEqualTo(rsLora ? 5 * Math.sqrt(2) : 10);
      assertThat(written.init()).isEqualTo(LoraInit.KAIMING);
      assertThat(Files.size(directory.resolve("adapter_model.safetensors")))
          .isEqualTo(peft.plan().fileBytes());
      try (PeftModel<FloatMlp> again = PeftModel.fromPretrained(base, directory)) {
        for (int i = 0; i < 4; i++) {
          assertThat(again.plan().pairs().get(i).scaling())
              .isCloseTo(peft.plan().pairs().get(i).scaling(), within(1e-14));
        }
        assertThat(again.tensors()).isEqualTo(peft.tensors());
        assertClose(again.model().forward(x), peft.model().forward(x), 1e-6);
      }
      assertThat(peft.readTensors(directory)).isEqualTo(peft.tensors());
      assertThat(peft.config()).isEqualTo(config);
    }
  }

  /** As PEFT loads it: the same part is taken off the base again. */
  @ParameterizedTest
  @EnumSource(names = {"PISSA", "OLORA"})
  void fileThatWasNotConvertedIsCompletedFromTheBase(LoraInit init) throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config(init).build())) {
      SafetensorsWriter writer = new SafetensorsWriter();
      for (LoraLinear pair : peft.plan().pairs()) {
        TensorData a = Objects.requireNonNull(peft.model().adapter().get(pair.path() + ".lora_A"));
        TensorData b = Objects.requireNonNull(peft.model().adapter().get(pair.path() + ".lora_B"));
        b.values()[0] += 1;
        add(writer, pair.path() + ".lora_A", half(a, true));
        add(writer, pair.path() + ".lora_B", half(b, false));
      }
      Files.writeString(directory.resolve("adapter_config.json"), config(init).build().toJson());
      writer.writeTo(directory.resolve("adapter_model.safetensors"));

      try (PeftModel<FloatMlp> again = PeftModel.fromPretrained(base, directory, true)) {
        assertThat(again.tensors()).isEqualTo(peft.tensors());
        assertThat(again.model().forward(x)).isEqualTo(peft.model().forward(x));
        assertThat(again.config().init()).isEqualTo(init);
      }
    }
  }

  @Test
  void randomDecompositionIsRefusedWithTheWayOut() throws IOException {
    String json = config(LoraInit.PISSA).build().toJson();
    Files.writeString(
        directory.resolve("adapter_config.json"), json.replace("\"pissa\"", "\"pissa_niter_16\""));
    new SafetensorsWriter().writeTo(directory.resolve("adapter_model.safetensors"));

    LoraConfig config = LoraConfig.read(directory);

    assertThat(config.init()).isEqualTo(LoraInit.PISSA);
    assertThat(config.toJson()).contains("\"init_lora_weights\": \"pissa_niter_16\"");
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContainingAll(
            "starts from \"pissa_niter_16\"", "path_initial_model_for_weight_conversion");
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      assertClose(peft.model().forward(x), base.forward(x), 1e-5);
      peft.save(directory.resolve("plain"));
      assertThat(LoraConfig.read(directory.resolve("plain")).init()).isEqualTo(LoraInit.KAIMING);
    }
  }

  @Test
  void onlyTheTrainedHalfIsCounted() {
    LoraPlan plain = LoraPlan.of(base, config(LoraInit.KAIMING).build());
    LoraPlan started = LoraPlan.of(base, config(LoraInit.PISSA).build());

    assertThat(started.parameterCount()).isEqualTo(plain.parameterCount());
    assertThat(started.fileBytes()).isGreaterThan(plain.fileBytes());
  }

  @Test
  void rankIsComparedWithTheSidesBeforeItIsDoubled() {
    assertThat(LoraPlan.of(base, config(LoraInit.OLORA).rank(6).build()).pairs().get(0).rank())
        .isEqualTo(12);
    assertThatThrownBy(() -> LoraPlan.of(base, config(LoraInit.OLORA).rank(7).build()))
        .hasMessageContaining("rank 7 of layers.0.up exceeds the smaller side of 6 -> 10");
  }

  @Test
  void engineThatDecomposesNothingSaysSo() {
    LoraBackend bare =
        new LoraBackend() {
          @Override
          public boolean supports(Object model) {
            return false;
          }

          @Override
          public ModuleTree modules(Object model) {
            throw new AssertionError();
          }

          @Override
          public TensorData parameter(Object model, String name) {
            throw new AssertionError();
          }

          @Override
          public <M> LoraView<M> attach(M model, AdapterLayout layout, boolean trainable) {
            throw new AssertionError();
          }
        };

    assertThatThrownBy(() -> bare.factors(base, "up", MatrixFactors.Kind.SINGULAR, 2))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("use KAIMING");
  }

  private static LoraConfig.Builder config(LoraInit init) {
    return LoraConfig.builder().rank(2).alpha(6).init(init).targetModules("up", "down");
  }

  private static void add(SafetensorsWriter writer, String name, TensorData tensor) {
    writer.add("base_model.model." + name + ".weight", tensor.shape(), tensor.values());
  }

  /** The first rows of A, or the first columns of B. */
  private static TensorData half(TensorData tensor, boolean rows) {
    int height = Math.toIntExact(tensor.shape().get(0));
    int width = Math.toIntExact(tensor.shape().get(1));
    if (rows) {
      float[] first = Arrays.copyOf(tensor.values(), height / 2 * width);
      return TensorData.matrix(height / 2, width, first);
    }
    float[] first = new float[height * width / 2];
    for (int i = 0; i < first.length; i++) {
      first[i] = tensor.values()[i / (width / 2) * width + i % (width / 2)];
    }
    return TensorData.matrix(height, width / 2, first);
  }

  /** s·BA of one half of the ranks, (out, in). */
  private TensorData product(Map<String, TensorData> tensors, LoraLinear pair, boolean first) {
    TensorData a = Objects.requireNonNull(tensors.get(pair.path() + ".lora_A")); // (2r, in)
    TensorData b = Objects.requireNonNull(tensors.get(pair.path() + ".lora_B")); // (out, 2r)
    float[] kept = a.values().clone();
    int border = kept.length / 2;
    Arrays.fill(kept, first ? border : 0, first ? kept.length : border, 0);
    return ops.scale(ops.matMul(b, false, new TensorData(a.shape(), kept), false), pair.scaling());
  }

  private static double dot(TensorData left, TensorData right) {
    double sum = 0;
    for (int i = 0; i < left.values().length; i++) {
      sum += (double) left.values()[i] * right.values()[i];
    }
    return sum;
  }

  private static void assertClose(TensorData actual, TensorData expected, double tolerance) {
    assertThat(actual.shape()).isEqualTo(expected.shape());
    for (int i = 0; i < expected.values().length; i++) {
      assertThat((double) actual.values()[i]).isCloseTo(expected.values()[i], within(tolerance));
    }
  }
}
