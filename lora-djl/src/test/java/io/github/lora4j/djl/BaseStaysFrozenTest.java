package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.RawTorch;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Nothing that is done with a base changes a bit of it, nor of its files. */
final class BaseStaysFrozenTest {

  private static final int[] ROW = {5, 40, 17, 99, 8};

  private final Path temp;

  BaseStaysFrozenTest(@TempDir Path temp) {
    this.temp = temp;
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void wrappingRunningTrainingAndSavingChangeNoBit(Precision precision) throws IOException {
    TinyCheckpoint checkpoint = new TinyCheckpoint(temp.resolve("model"));
    byte[] file = Files.readAllBytes(checkpoint.file(TinyCheckpoint.WEIGHTS));

    try (CausalLm base = checkpoint.load(precision)) {
      List<Integer> before = hashes(base);
      float[][] logits = base.logits(ROW)[0];
      for (Bias bias : Bias.values()) {
        try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config(bias))) {
          assertThat(peft.model().logits(ROW)[0]).isNotEqualTo(logits);
          train(peft.model());
          peft.save(temp.resolve("adapter-" + bias));
        }
        PeftModel.fromPretrained(base, temp.resolve("adapter-" + bias)).close();
      }

      assertThat(hashes(base)).isEqualTo(before);
      assertThat(base.logits(ROW)[0]).isDeepEqualTo(logits);
    }
    assertThat(Files.readAllBytes(checkpoint.file(TinyCheckpoint.WEIGHTS))).isEqualTo(file);
  }

  private static LoraConfig config(Bias bias) {
    return LoraConfig.builder()
        .rank(2)
        .alpha(4)
        .dropout(0.1)
        .init(LoraInit.RANDOM)
        .bias(bias)
        .targetModules(TargetModules.allLinear())
        .build();
  }

  /** One step of plain descent on the adapter. */
  private static void train(CausalLm model) {
    AdapterWeights weights = model.adapter().orElseThrow();
    Map<String, TensorData> before = weights.read();
    TokenBatch batch = TokenBatch.of(List.of(ROW, ROW), List.of(ROW, ROW));
    try (Pass pass = Pass.training(model.decoder().manager(), batch, weights, 1)) {
      double loss = model.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), true);
      assertThat(loss).isFinite().isPositive();
    }
    Kernels.get().run("scale_in_place", weights.flatGradients(), -0.1);
    Kernels.get().run("add_in_place", weights.flatValues(), weights.flatGradients());
    weights.changed();
    assertThat(weights.read()).isNotEqualTo(before);
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void adapterFileThatNamesWeightsOfTheBaseIsRefused(Precision precision) throws IOException {
    try (CausalLm base = new TinyCheckpoint(temp.resolve("model")).load(precision)) {
      List<Integer> before = hashes(base);
      Path hostile = temp.resolve("hostile");
      try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE))) {
        peft.save(hostile);
      }
      addTensors(
          hostile.resolve("adapter_model.safetensors"),
          "base_model.model.transformer.ln_f.weight",
          "base_model.model.transformer.word_embeddings_layernorm.bias");

      assertThatThrownBy(() -> PeftModel.fromPretrained(base, hostile).close())
          .isInstanceOf(LoraException.class)
          .hasMessage(
              """
              adapter 'hostile' does not fit model (0 of 16 tensors, 2 foreign):
                …ln_f.weight: not a tensor of this adapter, refused
                …word_embeddings_layernorm.bias: not a tensor of this adapter, refused
                remove what is refused, or name it in target_modules, modules_to_save or bias""");
      assertThat(hashes(base)).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void filesOfTorchCannotReachTheBase(Precision precision) throws IOException {
    try (CausalLm base = new TinyCheckpoint(temp.resolve("model")).load(precision)) {
      List<Integer> before = hashes(base);
      Path hostile = temp.resolve("hostile");
      try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE))) {
        peft.save(hostile);
      }
      Map<String, TensorData> tensors = pickled(hostile);
      PeftModel.fromPretrained(base, hostile).close();

      tensors.put(
          "base_model.model.transformer.ln_f.weight", new TensorData(List.of(32L), new float[32]));
      tensors.values().iterator().next().values()[0] = Float.NaN;
      RawTorch.write(hostile.resolve("adapter_model.bin"), tensors);

      assertThatThrownBy(() -> PeftModel.fromPretrained(base, hostile).close())
          .isInstanceOf(LoraException.class)
          .hasMessageContainingAll(
              "adapter 'hostile' does not fit model (1 of 16 tensors, 1 foreign):",
              "element 0 is NaN",
              "…ln_f.weight: not a tensor of this adapter, refused");
      assertThat(hashes(base)).isEqualTo(before);
    }
  }

  /** Puts the weights into the file that PEFT wrote before safetensors. */
  private static Map<String, TensorData> pickled(Path adapter) throws IOException {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    Path file = adapter.resolve("adapter_model.safetensors");
    try (Safetensors read = Safetensors.open(file)) {
      for (TensorEntry tensor : read.tensors()) {
        tensors.put(tensor.name(), new TensorData(tensor.shape(), read.floats(tensor)));
      }
    }
    Files.delete(file);
    RawTorch.write(adapter.resolve("adapter_model.bin"), tensors);
    return tensors;
  }

  private static void addTensors(Path file, String... names) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Safetensors tensors = Safetensors.open(file)) {
      for (TensorEntry tensor : tensors.tensors()) {
        writer.add(tensor.name(), tensor.shape(), tensors.floats(tensor));
      }
    }
    for (String name : names) {
      writer.add(name, List.of(32L), new float[32]);
    }
    writer.writeTo(file);
  }

  private static List<Integer> hashes(CausalLm base) {
    List<Integer> hashes = new ArrayList<>();
    for (ParameterInfo parameter : base.modules().parameters()) {
      hashes.add(Arrays.hashCode(base.decoder().parameter(parameter.name()).values()));
    }
    return hashes;
  }
}
