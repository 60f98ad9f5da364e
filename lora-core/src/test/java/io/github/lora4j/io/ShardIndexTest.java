package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardIndexTest {

  @TempDir Path directory;

  @BeforeEach
  void twoShards() throws IOException {
    write("one.safetensors", "a");
    write("two.safetensors", "b");
  }

  @Test
  void shardsOfTheReferenceReadAsOneModel() throws IOException {
    try (Safetensors model = Safetensors.open(Golden.path("safetensors"))) {
      assertThat(model.tensors())
          .extracting(TensorEntry::name)
          .containsExactlyInAnyOrder("h.0.bias", "h.0.weight", "h.1.weight");
      assertThat(model.floats(model.require("h.0.weight"))).containsExactly(0, 1, 2, 3, 4, 5);
      assertThat(model.floats(model.require("h.1.weight"))).containsExactly(0, 1, 2, 3);
      assertThat(model.require("h.1.weight").file())
          .hasFileName("model-00002-of-00002.safetensors");
      assertThat(model.metadata()).containsExactly(java.util.Map.entry("format", "pt"));
    }
  }

  @Test
  void linkedShardsAreRead() throws IOException { // the cache of the hub is made of links
    Path blobs = Files.createDirectory(directory.resolve("blobs"));
    Path snapshot = Files.createDirectory(directory.resolve("snapshot"));
    Files.move(directory.resolve("one.safetensors"), blobs.resolve("0123"));
    Files.createSymbolicLink(snapshot.resolve("one.safetensors"), Path.of("../blobs/0123"));
    Files.writeString(snapshot.resolve(ShardIndex.FILE_NAME), map("\"a\":\"one.safetensors\""));

    try (Safetensors model = Safetensors.open(snapshot)) {
      assertThat(model.find("a")).isPresent();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../one.safetensors",
        "/etc/passwd",
        "sub/one.safetensors",
        "..",
        ".",
        "",
        "..\\\\one.safetensors",
        "a\\u0000b"
      })
  void shardOutsideTheDirectoryIsRefused(String shard) throws IOException {
    refused(
        map("\"a\":\"" + shard + "\""), "tensor 'a' points to '", "only files beside the index");
  }

  @Test
  void missingShardIsRefused() throws IOException {
    refused(
        map("\"a\":\"three.safetensors\""),
        "tensor 'a' is in shard 'three.safetensors', which is missing");
  }

  @Test
  void tensorThatIsInNoShardIsRefused() throws IOException {
    refused(
        map("\"a\":\"one.safetensors\",\"c\":\"one.safetensors\""),
        "tensor 'c' is not in shard 'one.safetensors'");
  }

  @Test
  void tensorThatIsInAnotherShardIsRefused() throws IOException {
    refused(
        map("\"a\":\"two.safetensors\",\"b\":\"one.safetensors\""),
        "tensor 'a' is not in shard 'two.safetensors'");
  }

  @Test
  void tensorInTwoShardsIsRefused() throws IOException {
    write("three.safetensors", "a");
    index(map("\"a\":\"one.safetensors\",\"b\":\"three.safetensors\""));

    assertThatThrownBy(() -> Safetensors.open(directory))
        .isInstanceOf(TensorFileException.class)
        .hasMessageContaining("three.safetensors: tensor 'a' is also in")
        .hasMessageContaining("one.safetensors");
  }

  @Test
  void tensorListedTwiceIsRefused() throws IOException {
    refused(map("\"a\":\"one.safetensors\",\"a\":\"one.safetensors\""), "'a' stands twice");
  }

  @Test
  void secondWeightMapIsRefused() throws IOException {
    refused("{\"weight_map\":{},\"weight_map\":{}}", "'weight_map' stands twice");
  }

  @Test
  void indexWithoutWeightMapIsRefused() throws IOException {
    refused("{\"metadata\":{}}", "has no weight_map");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "{", "[]", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":{}}}", "{x:1}"})
  void indexThatIsNotTheJsonWantedIsRefused(String text) throws IOException {
    refused(text, "is not the JSON wanted");
  }

  @Test
  void textAfterTheIndexIsRefused() throws IOException {
    refused("{\"weight_map\":{}} x", "JSON");
  }

  @Test
  void indexThatIsNotUtf8IsRefused() throws IOException {
    Files.write(directory.resolve(ShardIndex.FILE_NAME), new byte[] {'{', (byte) 0xFF, '}'});

    refused(new String[] {"is not UTF-8"});
  }

  @Test
  void indexOfNothingHasNoTensor() throws IOException {
    index("{\"weight_map\":{}}");

    try (Safetensors model = Safetensors.open(directory)) {
      assertThat(model.tensors()).isEmpty();
      assertThatThrownBy(() -> model.require("a"))
          .isInstanceOf(TensorFileException.class)
          .hasMessageContaining("has no tensor 'a'");
    }
  }

  private void write(String file, String tensor) throws IOException {
    new SafetensorsWriter()
        .add(tensor, List.of(1L), new float[] {1})
        .writeTo(directory.resolve(file));
  }

  private static String map(String entries) {
    return "{\"metadata\":{\"total_size\":8},\"weight_map\":{" + entries + "}}";
  }

  private void index(String text) throws IOException {
    Files.writeString(directory.resolve(ShardIndex.FILE_NAME), text);
  }

  private void refused(String text, String... parts) throws IOException {
    index(text);
    refused(parts);
  }

  private void refused(String[] parts) {
    assertThatThrownBy(() -> Safetensors.open(directory))
        .isInstanceOf(TensorFileException.class)
        .hasMessageStartingWith(directory.resolve(ShardIndex.FILE_NAME) + ": ")
        .hasMessageContainingAll(parts);
  }
}
