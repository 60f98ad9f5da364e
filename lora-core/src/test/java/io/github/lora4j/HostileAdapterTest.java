package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.io.RawTorch;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorFileException;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files made to do harm, in both formats: refused, or loaded as what they are; the base stays. */
class HostileAdapterTest {

  private static final String A = "base_model.model.layers.0.up.lora_A.weight";
  private static final String B = "base_model.model.layers.0.up.lora_B.weight";

  /** The two files that an adapter's weights can be in. */
  enum Format {
    SAFETENSORS("adapter_model.safetensors"),
    TORCH("adapter_model.bin");

    private final String file;

    Format(String file) {
      this.file = file;
    }

    void write(Path directory, Map<String, TensorData> tensors) throws IOException {
      if (this == TORCH) {
        RawTorch.write(directory.resolve(file), tensors);
        return;
      }
      SafetensorsWriter writer = new SafetensorsWriter();
      tensors.forEach((name, tensor) -> writer.add(name, tensor.shape(), tensor.values()));
      writer.writeTo(directory.resolve(file));
    }
  }

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 1);
  private final Map<String, TensorData> tensors = new LinkedHashMap<>();
  private final Map<String, Integer> hashes = hashes();

  @TempDir Path directory;

  @BeforeEach
  void makeAnAdapterThatFits() throws IOException {
    tensors.put(A, matrix(2, 6, 0.5f));
    tensors.put(B, matrix(10, 2, 0.25f));
    config("");
  }

  @AfterEach
  void noBitOfTheBaseHasChanged() {
    assertThat(hashes()).isEqualTo(hashes);
  }

  private Map<String, Integer> hashes() {
    Map<String, Integer> hashes = new TreeMap<>();
    base.weights().forEach((name, t) -> hashes.put(name, Arrays.hashCode(t.values())));
    return hashes;
  }

  @ParameterizedTest
  @EnumSource
  void honestFileLoads(Format format) throws IOException {
    format.write(directory, tensors);

    assertThat(load()).containsEntry("layers.0.up.lora_A", matrix(2, 6, 0.5f)).hasSize(2);
  }

  @ParameterizedTest
  @EnumSource
  void namesOfBaseWeightsAreRefused(Format format) throws IOException {
    tensors.put("base_model.model.norm.bias", new TensorData(List.of(6L), new float[6]));
    tensors.put("base_model.model.layers.0.up.base_layer.weight", matrix(10, 6, 9));
    tensors.put("base_model.model.layers.0.up.bias", new TensorData(List.of(10L), new float[10]));
    format.write(directory, tensors);

    misfit(
        "(0 of 2 tensors, 3 foreign)",
        "norm.bias: not a tensor of this adapter, refused",
        "layers.0.up.base_layer.weight: not a tensor of this adapter, refused",
        "layers.0.up.bias: not a tensor of this adapter, refused");
  }

  @ParameterizedTest
  @EnumSource
  void headOfItsOwnStaysInTheView(Format format) throws IOException { // as of a resized vocabulary
    TensorData before = base.forward(matrix(1, 6, 1));
    tensors.put("base_model.model.head.weight", matrix(5, 6, 9));
    format.write(directory, tensors);

    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      assertThat(peft.model().forward(matrix(1, 6, 1))).isNotEqualTo(before);
    }
    assertThat(base.forward(matrix(1, 6, 1))).isEqualTo(before);
  }

  @ParameterizedTest
  @EnumSource
  void elementThatIsNotFiniteIsRefused(Format format) throws IOException {
    TensorData holed = matrix(2, 6, 1);
    holed.values()[7] = Float.NaN;
    TensorData endless = matrix(10, 2, 1);
    endless.values()[19] = Float.POSITIVE_INFINITY;
    tensors.put(A, holed);
    tensors.put(B, endless);
    format.write(directory, tensors);

    misfit("layers.0.up.lora_A: element 7 is NaN", "layers.0.up.lora_B: element 19 is Infinity");
  }

  @ParameterizedTest
  @EnumSource
  void wrongShapeIsRefused(Format format) throws IOException {
    tensors.put(A, matrix(6, 2, 1));
    tensors.put(B, new TensorData(List.of(20L), new float[20]));
    format.write(directory, tensors);

    misfit(
        "layers.0.up.lora_A: file (6, 2), model (2, 6)",
        "layers.0.up.lora_B: file (20), model (10, 2)");
  }

  @ParameterizedTest
  @EnumSource
  void bothSpellingsOfOneNameAreRefused(Format format) throws IOException {
    tensors.put("layers.0.up.lora_A.weight", matrix(2, 6, 9));
    format.write(directory, tensors);

    misfit("layers.0.up.lora_A.weight: not a tensor of this adapter, refused");
  }

  @ParameterizedTest
  @EnumSource
  void nameThatStandsTwiceIsRefused(Format format) throws IOException {
    String twin = A.replace("lora_A", "lora_C");
    tensors.put(twin, matrix(2, 6, 9));
    format.write(directory, tensors);
    Path file = directory.resolve(format.file);
    String bytes = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    Files.write(file, bytes.replace(twin, A).getBytes(StandardCharsets.ISO_8859_1));

    assertThatThrownBy(this::load)
        .isInstanceOf(TensorFileException.class)
        .hasMessageContaining("'" + A + "' stands twice");
  }

  @ParameterizedTest
  @EnumSource
  void namesCannotForgeLinesOrSteerATerminal(Format format) throws IOException {
    tensors.put("x\n  all is well\u001b[2J", matrix(1, 1, 0));
    tensors.put("y".repeat(100_000), matrix(1, 1, 0));
    config("\"base_model_name_or_path\":\"a\\nb\\u001b[2J\"");
    format.write(directory, tensors);

    misfit(
        ", made for a\\nb\\u001b[2J, does not fit",
        "  x\\n  all is well\\u001b[2J: not a tensor of this adapter, refused",
        "y".repeat(300) + "…: not a tensor of this adapter, refused");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../../../../etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
        "https://example.org/x",
        "C:\\\\Windows",
        "\\u0000"
      })
  void pathOfABaseIsOnlyAName(String path) throws IOException {
    Format.TORCH.write(directory, tensors);
    Map<String, TensorData> expected = load();
    config("\"base_model_name_or_path\":\"%s\",\"revision\":\"%s\"".formatted(path, path));

    assertThat(load()).isEqualTo(expected);
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      peft.save(directory.resolve("again"));
    }
    assertThat(LoraConfig.read(directory.resolve("again")).baseModel())
        .isEqualTo(LoraConfig.read(directory).baseModel())
        .isPresent();
  }

  @Test
  void namesOfClassesAreOnlyTexts() throws IOException { // PEFT once imported such a module
    Format.SAFETENSORS.write(directory, tensors);
    Map<String, TensorData> expected = load();
    config(
        "\"auto_mapping\":{\"base_model_class\":\"Popen\",\"parent_library\":\"subprocess\"},"
            + "\"runtime_config\":{\"x\":1},\"megatron_core\":\"os\"");

    assertThat(load()).isEqualTo(expected);
  }

  @Test
  void hugeNumbersTakeNoMemory() throws IOException {
    Format.TORCH.write(directory, tensors);

    config("\"r\":2147483647");
    misfit("layers.0.up.lora_A: file (2, 6), model (2147483647, 6)");
    config("\"r\":2,\"rank_pattern\":{\"up\":2147483647}");
    misfit("layers.0.up.lora_B: file (10, 2), model (10, 2147483647)");
    config("\"layers_to_transform\":[2147483647]");
    refused("none of them in layers [2147483647]");
    config("\"lora_alpha\":1e300");
    refused("alpha must be positive and at most 3.4028235E38, got 1.0E300");
  }

  @Test
  void nestingThatIsKeptIsBounded() throws IOException {
    Format.TORCH.write(directory, tensors);
    config("\"note\":" + "[".repeat(200_000) + "]".repeat(200_000));

    assertThatThrownBy(this::load).isInstanceOf(LoraException.class);
  }

  @ParameterizedTest
  @EnumSource
  void linkToAFileIsFollowed(Format format) throws IOException { // as in Hugging Face's cache
    Path blobs = Files.createDirectory(directory.resolve("blobs"));
    format.write(directory, tensors);
    Map<String, TensorData> expected = load();
    for (String name : new String[] {format.file, "adapter_config.json"}) {
      Files.move(directory.resolve(name), blobs.resolve(name));
      Files.createSymbolicLink(directory.resolve(name), Path.of("blobs").resolve(name));
    }

    assertThat(load()).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"adapter_model.bin", "adapter_model.safetensors", "adapter_config.json"})
  void linkToADeviceIsRefused(String name) throws IOException { // it never ends
    Path endless = Path.of("/dev/zero");
    assumeTrue(Files.exists(endless), "this system has no /dev/zero");
    Format.TORCH.write(directory, tensors);
    Files.deleteIfExists(directory.resolve(name));
    Files.createSymbolicLink(directory.resolve(name), endless);

    assertThatThrownBy(this::load)
        .isInstanceOf(FileSystemException.class)
        .hasMessageContaining(name + ": is a directory, a device or a pipe, wanted an ordinary");
  }

  @ParameterizedTest
  @EnumSource
  void directoryInPlaceOfAFileIsRefused(Format format) throws IOException {
    Files.createDirectory(directory.resolve(format.file));

    assertThatThrownBy(this::load)
        .isInstanceOf(FileSystemException.class)
        .hasMessageContaining("is a directory, a device or a pipe, wanted an ordinary file");
  }

  @Test
  void linkToItselfIsNoFile() throws IOException {
    Files.createSymbolicLink(directory.resolve("adapter_model.bin"), Path.of("adapter_model.bin"));

    assertThatThrownBy(this::load)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("adapter_model.safetensors: missing, as is adapter_model.bin");
  }

  private Map<String, TensorData> load() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      return peft.tensors();
    }
  }

  private void config(String settings) throws IOException {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("\"peft_type\"", "\"LORA\"");
    all.put("\"r\"", "2");
    all.put("\"target_modules\"", "[\"up\"]");
    StringBuilder json = new StringBuilder("{" + settings);
    all.forEach(
        (key, value) -> {
          if (!settings.contains(key + ":")) {
            json.append(json.length() == 1 ? "" : ",").append(key).append(':').append(value);
          }
        });
    Files.writeString(directory.resolve("adapter_config.json"), json.append('}'));
  }

  private static TensorData matrix(int rows, int columns, float value) {
    float[] values = new float[rows * columns];
    Arrays.fill(values, value);
    return TensorData.matrix(rows, columns, values);
  }

  private void misfit(String... parts) {
    refused(parts);
    refused("does not fit acme/mlp");
  }

  private void refused(String... parts) {
    assertThatThrownBy(this::load).isInstanceOf(LoraException.class).hasMessageContainingAll(parts);
  }
}
