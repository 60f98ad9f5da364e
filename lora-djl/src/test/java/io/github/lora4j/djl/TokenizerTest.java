package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tokenizers in the shapes that models have, against transformers' AutoTokenizer ({@code
 * tools/golden/tokenizers_files.py}).
 */
final class TokenizerTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/tokenizers");

  @TempDir Path temp;

  static Stream<String> tokenizers() throws IOException {
    try (Stream<Path> directories = Files.list(GOLDEN)) {
      return directories.map(path -> path.getFileName().toString()).sorted().toList().stream();
    }
  }

  private static JsonObject expected(String name) throws IOException {
    return JsonParser.parseString(Files.readString(GOLDEN.resolve(name).resolve("expected.json")))
        .getAsJsonObject();
  }

  private static List<JsonObject> cases(String name) throws IOException {
    return expected(name).getAsJsonArray("cases").asList().stream()
        .map(JsonElement::getAsJsonObject)
        .toList();
  }

  private static int[] ids(JsonElement array) {
    return array.getAsJsonArray().asList().stream().mapToInt(JsonElement::getAsInt).toArray();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void idsAreThoseOfTransformers(String name) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      for (JsonObject one : cases(name)) {
        String text = one.get("text").getAsString();

        assertThat(tokenizer.encode(text)).as("'%s'", text).isEqualTo(ids(one.get("ids")));
        assertThat(tokenizer.encode(text, false))
            .as("'%s' without special tokens", text)
            .isEqualTo(ids(one.get("plain")));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void textsAreThoseOfTransformers(String name) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      for (JsonObject one : cases(name)) {
        int[] ids = ids(one.get("ids"));

        assertThat(tokenizer.decode(ids)).isEqualTo(one.get("decoded").getAsString());
        assertThat(tokenizer.decode(ids, false)).isEqualTo(one.get("decoded_all").getAsString());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void rolesAreThoseOfTransformers(String name) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      JsonObject expected = expected(name);

      assertThat(tokenizer.bosId()).isEqualTo(role(expected, "bos"));
      assertThat(tokenizer.eosId()).isEqualTo(role(expected, "eos"));
      assertThat(tokenizer.padId()).isEqualTo(role(expected, "pad"));
    }
  }

  private static OptionalInt role(JsonObject expected, String role) {
    JsonElement id = expected.get(role);
    return id.isJsonNull() ? OptionalInt.empty() : OptionalInt.of(id.getAsInt());
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void placesAreThoseOfTransformers(String name) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      for (JsonObject one : cases(name)) {
        String text = one.get("text").getAsString();
        JsonArray offsets = one.getAsJsonArray("offsets");

        TokenizedText found = tokenizer.encodeWithPlaces(text, true);

        assertThat(found.ids()).isEqualTo(ids(one.get("ids")));
        assertThat(chars(found.starts())).as("'%s'", text).isEqualTo(column(text, offsets, 0));
        assertThat(chars(found.ends())).as("'%s'", text).isEqualTo(column(text, offsets, 1));
      }
    }
  }

  /** Tokens that were added stand at 0 in Python. */
  private static int[] chars(int[] places) {
    return IntStream.of(places).map(place -> Math.max(0, place)).toArray();
  }

  private static int[] column(String text, JsonArray offsets, int which) {
    return offsets.asList().stream()
        .mapToInt(pair -> text.offsetByCodePoints(0, pair.getAsJsonArray().get(which).getAsInt()))
        .toArray();
  }

  @Test
  void aFileThatIsNoTokenizerIsRefused() throws IOException {
    Files.writeString(temp.resolve("tokenizer.json"), "{\"model\": {\"type\": \"Other\"}}");

    assertThatThrownBy(() -> Tokenizer.load(temp))
        .isInstanceOf(LoraException.class)
        .hasMessageStartingWith(temp.resolve("tokenizer.json") + " is no tokenizer: ");
  }

  @Test
  void anAddedTokenWithoutIdIsRefused() throws IOException {
    Files.writeString(temp.resolve("tokenizer.json"), "{\"added_tokens\": [{\"content\": \"a\"}]}");

    assertThatThrownBy(() -> Tokenizer.load(temp))
        .isInstanceOf(LoraException.class)
        .hasMessage(temp.resolve("tokenizer.json") + ": added_tokens[0]: id is missing");
  }
}
