package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.io.DType;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFileException;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Loading is strict, and says everything that does not fit at once. */
class AdapterReaderTest {

  private static final String FIRST = "base_model.model.layers.0.up.lora_A.weight";

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 2);
  private final Map<String, TensorData> tensors = new LinkedHashMap<>();

  @TempDir Path directory;

  @BeforeEach
  void saveAnAdapter() throws IOException {
    save(Bias.NONE);
  }

  private void save(Bias bias) throws IOException {
    LoraConfig config =
        LoraConfig.builder().rank(2).targetModules("up").bias(bias).init(LoraInit.RANDOM).build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      peft.save(directory);
    }
    tensors.clear();
    try (Safetensors file = Safetensors.open(weights())) {
      for (TensorEntry tensor : file.tensors()) {
        tensors.put(tensor.name(), new TensorData(tensor.shape(), file.floats(tensor)));
      }
    }
  }

  @Test
  void namesWithoutThePrefixOfPeftAreRead() throws IOException {
    Map<String, TensorData> expected = load();
    write(name -> name.substring("base_model.model.".length()));

    assertThat(load()).isEqualTo(expected);
  }

  @Test
  void bothSpellingsOfOneTensorAreRefused() throws IOException {
    tensors.put("layers.0.up.lora_A.weight", matrix(2, 6));
    write(name -> name);

    misfit(
        "0 of 4 tensors, 1 foreign",
        "layers.0.up.lora_A.weight: not a tensor of this adapter, refused");
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16", "F64"})
  void otherFloatingTypesAreRead(DType dtype) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach(
        (name, tensor) ->
            writer.add(
                name,
                dtype,
                tensor.shape(),
                ByteBuffer.allocate(tensor.values().length * dtype.sizeInBytes())));
    writer.writeTo(weights());

    assertThat(load().values()).allSatisfy(t -> assertThat(t.values()).containsOnly(0));
  }

  @Test
  void everyMismatchIsListedOnceInOneMessage() throws IOException {
    tensors.remove("base_model.model.layers.1.up.lora_B.weight");
    tensors.put(FIRST, matrix(2, 8));
    tensors.put("base_model.model.layers.9.up.lora_A.weight", matrix(2, 6));
    tensors.put("base_model.model.layers.0.up.weight", matrix(10, 6));
    TensorData holed = matrix(10, 2);
    holed.values()[3] = Float.NaN;
    tensors.put("base_model.model.layers.0.up.lora_B.weight", holed);
    write(name -> name);

    assertThatThrownBy(this::load)
        .isInstanceOf(LoraException.class)
        .hasMessage(
            "adapter '%s' does not fit acme/mlp (3 of 4 tensors, 2 foreign):\n"
                    .formatted(directory.getFileName())
                + "  layers.0.up.lora_A: file (2, 8), model (2, 6)\n"
                + "  layers.0.up.lora_B: element 3 is NaN\n"
                + "  layers.1.up.lora_B: missing, model (10, 2)\n"
                + "  layers.0.up.weight: not a tensor of this adapter, refused\n"
                + "  layers.9.up.lora_A.weight: not a tensor of this adapter, refused\n"
                + "  remove what is refused, or name it in target_modules, modules_to_save or"
                + " bias");
  }

  @Test
  void missingTensorIsRefused() throws IOException {
    tensors.remove(FIRST);
    write(name -> name);

    misfit("1 of 4 tensors", "layers.0.up.lora_A: missing, model (2, 6)");
  }

  @Test
  void emptyFileOfTensorsIsRefused() throws IOException { // the 40-byte uploads in the wild
    tensors.clear();
    write(name -> name);

    misfit("4 of 4 tensors", "layers.0.up.lora_A: missing", "layers.1.up.lora_B: missing");
  }

  @Test
  void weightOfTheBaseIsRefused() throws IOException { // PEFT overwrites the base with it
    TensorData before = base.forward(matrix(1, 6));
    tensors.put("base_model.model.norm.bias", new TensorData(List.of(6L), new float[6]));
    tensors.put("base_model.model.layers.0.up.weight", matrix(5, 6));
    write(name -> name);

    misfit(
        "0 of 4 tensors, 2 foreign",
        "layers.0.up.weight: not a tensor of this adapter, refused",
        "norm.bias: not a tensor of this adapter, refused");
    assertThat(base.forward(matrix(1, 6))).isEqualTo(before);
  }

  @Test
  void shapeOfAnotherRankIsRefused() throws IOException {
    Path config = directory.resolve("adapter_config.json");
    Files.writeString(config, Files.readString(config).replace("\"r\": 2", "\"r\": 3"));

    misfit("4 of 4 tensors", "layers.0.up.lora_A: file (2, 6), model (3, 6)");
  }

  @Test
  void adapterOfAnotherBaseIsRefused() {
    FloatMlp wider = FloatMlp.random(1, 8, 10, 5, 3);

    assertThatThrownBy(() -> PeftModel.fromPretrained(wider, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("does not fit acme/mlp (4 of 6 tensors)")
        .hasMessageContaining("layers.0.up.lora_A: file (2, 6), model (2, 8)")
        .hasMessageContaining("layers.2.up.lora_B: missing, model (10, 2)");
  }

  @Test
  void baseWithFewerLayersIsRefused() { // silent in PEFT
    FloatMlp shorter = FloatMlp.random(1, 6, 10, 5, 1);

    assertThatThrownBy(() -> PeftModel.fromPretrained(shorter, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("layers.1.up.lora_A.weight: not a tensor of this adapter, refused");
  }

  @Test
  void infiniteElementIsRefused() throws IOException {
    TensorData infinite = matrix(2, 6);
    infinite.values()[11] = Float.NEGATIVE_INFINITY;
    tensors.put(FIRST, infinite);
    write(name -> name);

    misfit("1 of 4 tensors", "layers.0.up.lora_A: element 11 is -Infinity");
  }

  @Test
  void integersAreRefused() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach(
        (name, tensor) ->
            writer.add(
                name, DType.I32, tensor.shape(), ByteBuffer.allocate(4 * tensor.values().length)));
    writer.writeTo(weights());

    misfit("4 of 4 tensors", "layers.0.up.lora_A: stored as I32, wanted a floating type");
  }

  @Test
  void targetThatTheBaseLacksIsOnlyWarnedAbout() throws IOException { // real files list such
    Map<String, TensorData> expected = load();
    Path config = directory.resolve("adapter_config.json");
    Files.writeString(config, Files.readString(config).replace("\"up\"", "\"up\", \"q_proj\""));

    assertThat(load()).isEqualTo(expected);
  }

  @Test
  void configurationWithoutAnyTargetOfTheBaseIsRefused() throws IOException {
    Path config = directory.resolve("adapter_config.json");
    Files.writeString(config, Files.readString(config).replace("\"up\"", "\"q_proj\""));

    assertThatThrownBy(this::load)
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(
            "target modules [q_proj] match nothing in Mlp; it has: up x2, down x2");
  }

  @Test
  void biasesThatAFileLacksStayThoseOfTheBase() throws IOException { // as real lora_only files
    save(Bias.LORA_ONLY);
    tensors.keySet().removeIf(name -> name.endsWith(".bias"));
    write(name -> name);

    assertThat(load().get("layers.1.up.bias")).isEqualTo(base.weights().get("layers.1.up.bias"));
  }

  @Test
  void someOfTheBiasesAreRefused() throws IOException {
    save(Bias.LORA_ONLY);
    tensors.remove("base_model.model.layers.1.up.base_layer.bias");
    write(name -> name);

    misfit("1 of 6 tensors", "layers.1.up.bias: missing, model (10)");
  }

  @Test
  void biasesWithoutTheSettingAreRefused() throws IOException {
    tensors.put(
        "base_model.model.layers.1.up.base_layer.bias",
        new TensorData(List.of(10L), new float[10]));
    write(name -> name);

    misfit(
        "0 of 4 tensors, 1 foreign",
        "layers.1.up.base_layer.bias: not a tensor of this adapter, refused");
  }

  @Test
  void safetensorsByTheNameOfTheOtherFileAreToldApart() throws IOException {
    Files.move(weights(), directory.resolve("adapter_model.bin"));

    assertThatThrownBy(this::load)
        .isInstanceOf(TensorFileException.class)
        .hasMessageEndingWith(
            "adapter_model.bin: looks like a safetensors file; call it adapter_model.safetensors");
  }

  @Test
  void directoryWithoutWeightsIsRefused() throws IOException {
    Files.delete(weights());

    assertThatThrownBy(this::load)
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining(
            "missing, as is adapter_model.bin; the directory holds a configuration but no weights");
  }

  @Test
  void directoryWithoutAConfigurationIsRefused() throws IOException {
    Files.delete(directory.resolve("adapter_config.json"));

    assertThatThrownBy(this::load)
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("adapter_config.json: missing");
  }

  @Test
  void missingDirectoryIsRefused() {
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory.resolve("nowhere")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("nowhere: not a directory; wanted one with adapter_config.json and");
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, weights()))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("not a directory");
  }

  @Test
  void truncatedWeightsAreRefused() throws IOException {
    byte[] whole = Files.readAllBytes(weights());
    for (int length = 0; length < whole.length; length += 61) {
      Files.write(weights(), Arrays.copyOf(whole, length));

      assertThatThrownBy(this::load).isInstanceOf(TensorFileException.class);
    }
  }

  @Test
  void damagedFilesFailWithAMessageAndLeaveTheBase() throws IOException {
    TensorData before = base.forward(matrix(1, 6));
    byte[] whole = Files.readAllBytes(weights());
    for (int seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      byte[] bytes = whole.clone();
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      Files.write(weights(), bytes);
      try {
        assertThat(load()).as("seed %d", seed).hasSize(4);
      } catch (IOException | LoraException e) {
        assertThat(e.getMessage()).as("seed %d", seed).isNotEmpty();
      }
    }
    assertThat(base.forward(matrix(1, 6))).isEqualTo(before);
  }

  @Test
  void listOfMismatchesIsCutForHostileFiles() throws IOException {
    for (int i = 0; i < 1500; i++) {
      tensors.put("zzz." + i, new TensorData(List.of(), new float[1]));
    }
    write(name -> name);

    assertThatThrownBy(this::load)
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("(0 of 4 tensors, 1500 foreign)")
        .hasMessageContaining("… and 500 more\n  remove what is refused");
  }

  private Map<String, TensorData> load() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      return peft.tensors();
    }
  }

  private void write(UnaryOperator<String> naming) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach((name, t) -> writer.add(naming.apply(name), t.shape(), t.values()));
    writer.writeTo(weights());
  }

  private Path weights() {
    return directory.resolve("adapter_model.safetensors");
  }

  private static TensorData matrix(int rows, int columns) {
    return TensorData.matrix(rows, columns, new float[rows * columns]);
  }

  private void misfit(String count, String... parts) {
    assertThatThrownBy(this::load)
        .isInstanceOf(LoraException.class)
        .hasMessageStartingWith(
            "adapter '%s' does not fit acme/mlp (%s):\n  "
                .formatted(directory.getFileName(), count))
        .hasMessageContainingAll(parts);
  }
}
