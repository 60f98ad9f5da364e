package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PeftModelTest {

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 3);
  private final TensorData x = input();

  @TempDir Path directory;

  @Test
  void freshAdapterLeavesTheOutputUnchanged() {
    TensorData before = base.forward(x);

    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().build())) {
      assertThat(peft.model().forward(x)).isEqualTo(before);
      assertThat(peft.trainable()).isTrue();
      assertThat(peft.tensors()).hasSize(6).containsKey("layers.2.up.lora_B");
    }
  }

  @Test
  void randomInitialisationChangesTheOutput() {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().init(LoraInit.RANDOM).build())) {
      assertThat(peft.model().forward(x)).isNotEqualTo(base.forward(x));
    }
  }

  @Test
  void gradientsOfTheOracleAreSlopes() {
    LoraConfig config =
        config().init(LoraInit.RANDOM).targetModules("up", "down", "head").bias(Bias.ALL).build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      TensorData dy = TensorData.matrix(4, 5, new float[20]);
      java.util.Arrays.fill(dy.values(), 1);
      Map<String, TensorData> gradients = peft.model().gradients(x, dy);

      peft.model()
          .adapter()
          .forEach(
              (name, tensor) -> {
                TensorData gradient = gradients.getOrDefault(name, x);
                for (int i = 0; i < tensor.values().length; i += 3) {
                  assertThat((double) gradient.values()[i])
                      .as("%s, element %d", name, i)
                      .isCloseTo(slope(peft.model(), tensor, i), within(0.02)); // fp32, step 2^-9
                }
              });
    }
  }

  private double slope(FloatMlp model, TensorData tensor, int i) {
    float kept = tensor.values()[i];
    float step = 0x1p-9f;
    tensor.values()[i] = kept + step;
    double above = sum(model.forward(x));
    tensor.values()[i] = kept - step;
    double below = sum(model.forward(x));
    tensor.values()[i] = kept;
    return (above - below) / (2 * step);
  }

  private static double sum(TensorData tensor) {
    double sum = 0;
    for (float value : tensor.values()) {
      sum += value;
    }
    return sum;
  }

  @ParameterizedTest
  @EnumSource(Bias.class)
  void savedAdapterComesBackBitForBit(Bias bias) throws IOException {
    Map<String, TensorData> saved;
    TensorData output;
    try (PeftModel<FloatMlp> peft = trained(config().bias(bias))) {
      peft.save(directory.resolve("adapter"));
      saved = peft.tensors();
      output = peft.model().forward(x);
    }

    try (PeftModel<FloatMlp> loaded =
        PeftModel.fromPretrained(base, directory.resolve("adapter").toString())) {
      assertThat(loaded.tensors()).isEqualTo(saved);
      assertThat(loaded.model().forward(x)).isEqualTo(output);
      assertThat(loaded.trainable()).isFalse();
      assertThat(loaded.parameterCount().trainable()).isZero();
      assertThat(loaded.config().bias()).isEqualTo(bias);
    }
  }

  @Test
  void sameAdapterGivesTheSameBytes() throws IOException {
    for (String name : List.of("first", "second")) {
      try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().bias(Bias.ALL).build(), 7)) {
        peft.save(directory.resolve(name));
      }
    }

    for (String file : List.of("README.md", "adapter_config.json", "adapter_model.safetensors")) {
      assertThat(directory.resolve("first").resolve(file))
          .hasSameBinaryContentAs(directory.resolve("second").resolve(file));
    }
  }

  @Test
  void filesAreThoseOfPeftAndNothingElse() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().bias(Bias.LORA_ONLY).build())) {
      peft.save(directory.resolve("new/adapter"));

      assertThat(directory.resolve("new").toFile().list()).containsExactly("adapter");
      assertThat(directory.resolve("new/adapter").toFile().list())
          .containsExactlyInAnyOrder(
              "README.md", "adapter_config.json", "adapter_model.safetensors");
      assertThat(directory.resolve("new/adapter/adapter_model.safetensors"))
          .hasSize(peft.plan().fileBytes());
    }
    try (var file =
        io.github.lora4j.io.Safetensors.open(
            directory.resolve("new/adapter/adapter_model.safetensors"))) {
      assertThat(file.metadata()).containsExactly(Map.entry("format", "pt"));
      assertThat(file.tensors())
          .extracting(io.github.lora4j.io.TensorEntry::name)
          .contains(
              "base_model.model.layers.0.up.lora_A.weight",
              "base_model.model.layers.0.up.lora_B.weight",
              "base_model.model.layers.0.up.base_layer.bias");
    }
  }

  @Test
  void allLinearIsSavedByFullPaths() throws IOException {
    try (PeftModel<FloatMlp> peft =
        PeftModel.wrap(
            base, LoraConfig.builder().rank(2).targetModules(TargetModules.allLinear()).build())) {
      peft.save(directory.resolve("a"));
    }

    assertThat(LoraConfig.read(directory.resolve("a")).targetModules())
        .isEqualTo(
            TargetModules.of(
                "layers.0.down",
                "layers.0.up",
                "layers.1.down",
                "layers.1.up",
                "layers.2.down",
                "layers.2.up"));
  }

  @Test
  void patternsWhoseOrderDecidesSurviveSaving() throws IOException { // PEFT loses the order
    Map<String, Integer> ranks = new LinkedHashMap<>();
    ranks.put("layers.1.up", 4);
    ranks.put("up", 1);
    Map<String, Double> alphas = new LinkedHashMap<>();
    alphas.put("layers.2.up", 20.0);
    alphas.put("\\d.up", 3.0);
    List<LoraLinear> pairs;
    try (PeftModel<FloatMlp> peft = trained(config().rankPattern(ranks).alphaPattern(alphas))) {
      pairs = peft.plan().pairs();
      peft.save(directory.resolve("a"));
    }

    assertThat(pairs).extracting(LoraLinear::rank).containsExactly(1, 4, 1);
    assertThat(pairs).extracting(LoraLinear::alpha).containsExactly(3.0, 3.0, 20.0);
    try (PeftModel<FloatMlp> loaded = PeftModel.fromPretrained(base, directory.resolve("a"))) {
      assertThat(loaded.plan().pairs()).isEqualTo(pairs);
    }
  }

  @Test
  void baseIsBitIdenticalAfterWrapTrainSaveAndLoad() throws IOException {
    Map<String, TensorData> before = copy(base.weights());

    try (PeftModel<FloatMlp> peft = trained(config().bias(Bias.ALL))) {
      peft.save(directory.resolve("a"));
      PeftModel.fromPretrained(base, directory.resolve("a")).close();
    }

    assertThat(base.weights()).isEqualTo(before);
  }

  @Test
  void modelIsUntouchedWhenATargetIsMissing() {
    TensorData before = base.forward(x);

    assertThatThrownBy(() -> PeftModel.wrap(base, config().targetModules("up", "uq").build()))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("target modules [uq] match nothing in Mlp; it has: up x3, down x3")
        .hasMessageContaining("did you mean 'up'?");

    assertThat(base.forward(x)).isEqualTo(before);
    assertThat(PeftModel.wrap(base, config().build()).tensors()).hasSize(6);
  }

  /** PEFT: _test_delete_inactive_adapter. */
  @Test
  void closingOneViewLeavesTheOthers() {
    PeftModel<FloatMlp> first = trained(config());
    try (PeftModel<FloatMlp> second =
        PeftModel.wrap(base, config().init(LoraInit.RANDOM).build())) {
      TensorData before = second.model().forward(x);

      first.close();

      assertThat(second.model().forward(x)).isEqualTo(before);
    }
  }

  /** PEFT: test_disable_adapters. Nothing is switched: base and views answer side by side. */
  @Test
  void viewsOfOneBaseAreIndependent() {
    try (PeftModel<FloatMlp> first = trained(config());
        PeftModel<FloatMlp> second = PeftModel.wrap(base, config().build())) {
      assertThat(second.model().forward(x)).isEqualTo(base.forward(x));
      assertThat(first.model().forward(x)).isNotEqualTo(base.forward(x));
    }
  }

  @Test
  void closingGivesTheBytesBack() {
    PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().build());

    assertThat(peft.nativeBytes()).isEqualTo(4L * 3 * 2 * (6 + 10));
    peft.close();
    peft.close();

    assertThat(peft.nativeBytes()).isZero();
  }

  @Test
  void nullBaseIsRefused() {
    assertThatThrownBy(() -> PeftModel.wrap(nothing(), config().build()))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("base");
  }

  @SuppressWarnings("NullAway") // what a caller without a null checker can do
  private static FloatMlp nothing() {
    return null;
  }

  @Test
  void savingOverAnAdapterReplacesIt() throws IOException {
    Path adapter = directory.resolve("a");
    try (PeftModel<FloatMlp> first = trained(config().rank(3));
        PeftModel<FloatMlp> second = trained(config().rank(2))) {
      first.save(adapter);
      Files.writeString(adapter.resolve("notes.txt"), "mine");
      second.save(adapter);

      assertThat(PeftModel.fromPretrained(base, adapter).tensors()).isEqualTo(second.tensors());
      assertThat(adapter.toFile().list())
          .containsExactlyInAnyOrder(
              "README.md", "adapter_config.json", "adapter_model.safetensors", "notes.txt");
    }
  }

  @Test
  void cardThatSomebodyWroteIsKept() throws IOException {
    Path adapter = Files.createDirectory(directory.resolve("a"));
    Files.writeString(adapter.resolve("README.md"), "# My project\n");

    try (PeftModel<FloatMlp> peft = trained(config())) {
      peft.save(adapter);
    }

    assertThat(adapter.resolve("README.md")).hasContent("# My project\n");
    assertThat(adapter.resolve("adapter_config.json")).exists();
    assertThat(adapter.toFile().list()).hasSize(3);
  }

  @Test
  void fileInPlaceOfTheDirectoryIsRefused() throws IOException {
    Path file = Files.writeString(directory.resolve("a"), "kept");
    try (PeftModel<FloatMlp> peft = trained(config())) {
      assertThatThrownBy(() -> peft.save(file))
          .isInstanceOf(IOException.class)
          .hasMessage(file + ": is a file, wanted a directory to save an adapter in");
      assertThatThrownBy(() -> peft.save(file.resolve("below"))).isInstanceOf(IOException.class);
    }

    assertThat(file).hasContent("kept");
    assertThat(directory.toFile().list()).containsExactly("a");
  }

  @Test
  void directoryInPlaceOfAFileIsRefused() throws IOException {
    Path adapter = directory.resolve("a");
    Files.createDirectories(adapter.resolve("adapter_model.safetensors"));
    try (PeftModel<FloatMlp> peft = trained(config())) {
      assertThatThrownBy(() -> peft.save(adapter))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("adapter_model.safetensors: is a directory, wanted a file");
    }

    assertThat(adapter.toFile().list()).containsExactly("adapter_model.safetensors");
  }

  private LoraConfig.Builder config() {
    return LoraConfig.builder().rank(2).alpha(4).targetModules("up");
  }

  /** A view whose tensors all differ from their start. */
  private PeftModel<FloatMlp> trained(LoraConfig.Builder config) {
    PeftModel<FloatMlp> peft = PeftModel.wrap(base, config.build());
    Random random = new Random(3);
    for (TensorData tensor : peft.model().adapter().values()) {
      for (int i = 0; i < tensor.values().length; i++) {
        tensor.values()[i] += (float) random.nextGaussian();
      }
    }
    return peft;
  }

  private static TensorData input() {
    Random random = new Random(2);
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      values.add((float) random.nextGaussian());
    }
    float[] array = new float[24];
    for (int i = 0; i < 24; i++) {
      array[i] = values.get(i);
    }
    return TensorData.matrix(4, 6, array);
  }

  private static Map<String, TensorData> copy(Map<String, TensorData> tensors) {
    Map<String, TensorData> copy = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> copy.put(name, new TensorData(tensor.shape(), tensor.values().clone())));
    return copy;
  }
}
