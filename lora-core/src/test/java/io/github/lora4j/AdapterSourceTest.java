package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.io.TensorFileException;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters come from sub-directories, sources and memory, and from nowhere else. */
class AdapterSourceTest {

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 2);

  @TempDir Path temp;

  private Path root = Path.of("");
  private SavedAdapters saved = new SavedAdapters(base, root);

  @BeforeEach
  void saveAdapters() throws IOException {
    root = Files.createDirectory(temp.resolve("root"));
    saved = new SavedAdapters(base, root).with("mail", 2, "up").with("acme/mail", 3, "down");
    new SavedAdapters(base, temp).with("secret", 2, "up");
  }

  private static Map<String, TensorData> tensors(PeftModel<FloatMlp> peft) {
    try (peft) {
      return peft.tensors();
    }
  }

  /** PEFT: test_load_with_different_adapter_name, _test_save_pretrained_selected_adapters. */
  @Test
  void adapterOfASubdirectoryIsTheSameAsThatOfItsDirectory() throws IOException {
    Map<String, TensorData> expected =
        tensors(PeftModel.fromPretrained(base, root.resolve("mail")));

    assertThat(tensors(PeftModel.fromPretrained(base, root, "mail"))).isEqualTo(expected);
    assertThat(tensors(PeftModel.fromPretrained(base, AdapterSource.directory(root), "mail")))
        .isEqualTo(expected);
  }

  @Test
  void subdirectoriesMayStandInSubdirectories() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, root, "acme/mail", true)) {
      assertThat(peft.config().rank()).isEqualTo(3);
      assertThat(peft.trainable()).isTrue();
    }
    try (PeftModel<FloatMlp> peft =
        PeftModel.fromPretrained(base, AdapterSource.directory(root), "acme/mail", true)) {
      assertThat(peft.trainable()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "..",
        "../secret",
        "mail/../../secret",
        "acme/./mail",
        "acme//mail",
        "mail/",
        "/mail",
        "..\\secret",
        "mail\\..\\..\\secret",
        "C:\\secret",
        "mail\u0000",
        "mail\nsecret"
      })
  void nameThatIsNotBelowTheRootIsRefused(String name) {
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, root, name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("wanted names below")
        .message()
        .doesNotContain("\u0000", "\n");
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, AdapterSource.directory(root), name))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void absolutePathIsRefused() {
    String absolute = temp.resolve("secret").toAbsolutePath().toString();

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, root, absolute))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(absolute);
  }

  @Test
  void linkOutOfTheRootIsRefused() throws IOException {
    Files.createSymbolicLink(root.resolve("link"), temp.resolve("secret"));
    Files.createSymbolicLink(root.resolve("up"), Path.of(".."));

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, root, "link"))
        .isInstanceOf(LoraException.class)
        .hasMessageStartingWith("adapter 'link' leads out of")
        .hasMessageContaining("by a symbolic link");
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, root, "up/secret"))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("leads out of");
  }

  @Test
  void linkWithinTheRootIsFollowedAndSoIsTheRootItself() throws IOException {
    Files.createSymbolicLink(root.resolve("latest"), root.resolve("mail"));
    Path link = Files.createSymbolicLink(temp.resolve("link"), root);

    assertThat(tensors(PeftModel.fromPretrained(base, link, "latest")))
        .isEqualTo(tensors(PeftModel.fromPretrained(base, root.resolve("mail"))));
  }

  @Test
  void filesThatAreLinksAreReadAsInTheCacheOfHuggingFace() throws IOException {
    Path blob = temp.resolve("blob");
    Files.move(saved.weights("mail"), blob);
    Files.createSymbolicLink(saved.weights("mail"), blob);

    assertThat(tensors(PeftModel.fromPretrained(base, root, "mail"))).isNotEmpty();
  }

  /** PEFT: _test_delete_unknown_adapter_raises. What is not there is named. */
  @Test
  void nameOfNothingIsNotFound() {
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, root, "nowhere"))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("nowhere: not a directory; there is no adapter of this name");
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, root, "mail/" + SavedAdapters.WEIGHTS))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void adapterInMemoryIsTheSameAsThatOfItsFiles() throws IOException {
    AdapterFiles files = saved.inMemory("mail");

    assertThat(tensors(PeftModel.fromPretrained(base, id -> files, "any")))
        .isEqualTo(tensors(PeftModel.fromPretrained(base, root.resolve("mail"))));
  }

  /** A database need not know which of the two files of weights it holds. */
  @ParameterizedTest
  @ValueSource(strings = {"torch/adapter", "torch/adapter-stream"})
  void legacyWeightsInMemoryAreKnownByTheirBeginning(String name) throws IOException {
    Path directory = Golden.path(name);
    AdapterFiles files =
        AdapterFiles.of(
            "row 8",
            Files.readString(directory.resolve("adapter_config.json")),
            ByteBuffer.wrap(Files.readAllBytes(directory.resolve("adapter_model.bin"))));

    AdapterInspection found = AdapterInspection.of(files);

    assertThat(found.weights()).isEqualTo("adapter_model.bin");
    assertThat(found).isEqualTo(AdapterInspection.of(AdapterFiles.in(directory)));
    assertThat(tensors(PeftModel.fromPretrained(PeftGoldenTest.base(), id -> files, "8")))
        .isEqualTo(tensors(PeftModel.fromPretrained(PeftGoldenTest.base(), directory)));
  }

  @Test
  void bytesAreTakenFromTheBuffersPositionToItsLimit() throws IOException {
    byte[] weights = Files.readAllBytes(saved.weights("mail"));
    ByteBuffer padded = ByteBuffer.allocateDirect(weights.length + 20);
    padded.position(7).put(weights).flip().position(7);
    String config = Files.readString(root.resolve("mail").resolve(SavedAdapters.CONFIG));
    AdapterFiles files = AdapterFiles.of("row 7", config, padded);

    for (int again = 0; again < 2; again++) {
      assertThat(tensors(PeftModel.fromPretrained(base, id -> files, "7")))
          .isEqualTo(tensors(PeftModel.fromPretrained(base, root.resolve("mail"))));
    }
    assertThat(padded.position()).isEqualTo(7);
  }

  @Test
  void damageInMemoryIsRefusedByName() throws IOException {
    String config = Files.readString(root.resolve("mail").resolve(SavedAdapters.CONFIG));
    byte[] weights = Files.readAllBytes(saved.weights("mail"));
    ByteBuffer cut = ByteBuffer.wrap(weights, 0, weights.length - 1);

    assertThatThrownBy(() -> load(AdapterFiles.of("row 7", config, cut)))
        .isInstanceOf(TensorFileException.class)
        .hasMessageStartingWith("row 7/adapter_model.safetensors: ")
        .hasMessageContaining("truncated or damaged");
    assertThatThrownBy(
            () -> load(AdapterFiles.of("row 7", "{\"peft_type\": 1", ByteBuffer.wrap(weights))))
        .isInstanceOf(LoraException.class)
        .hasMessageStartingWith("row 7/adapter_config.json is not JSON");
    assertThatThrownBy(
            () ->
                load(
                    AdapterFiles.of(
                        "row 7", config.replace("\"r\": 2", "\"r\": 3"), ByteBuffer.wrap(weights))))
        .isInstanceOf(LoraException.class)
        .hasMessageStartingWith("adapter 'row 7' does not fit acme/mlp (4 of 4 tensors)");
    assertThatThrownBy(() -> load(AdapterFiles.of("row 7", config, ByteBuffer.allocate(0))))
        .isInstanceOf(TensorFileException.class);
  }

  private void load(AdapterFiles files) throws IOException {
    PeftModel.fromPretrained(base, id -> files, "any").close();
  }

  @Test
  void configurationThatNamesPathsOpensNone() throws IOException {
    Path config = root.resolve("mail").resolve(SavedAdapters.CONFIG);
    String hostile =
        Files.readString(config)
            .replace(
                "\"base_model_name_or_path\": \"acme/mlp\"",
                "\"base_model_name_or_path\": \"../../../etc/passwd\", \"weights\": \"/etc/passwd\"");
    Files.writeString(config, hostile);
    assertThat(hostile).contains("etc/passwd");

    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, root, "mail")) {
      assertThat(peft.config().baseModel()).contains("../../../etc/passwd");
    }
  }

  @Test
  void failureOfASourceIsToldAsItIs() {
    AdapterSource broken =
        id -> {
          throw new IOException("the database is away");
        };

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, broken, "a"))
        .isInstanceOf(IOException.class)
        .hasMessage("the database is away");
  }
}
