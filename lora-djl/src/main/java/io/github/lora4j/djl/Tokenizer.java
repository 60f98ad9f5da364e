package io.github.lora4j.djl;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Text to token ids and back, as the checkpoint's {@code tokenizer.json} says. Never truncates,
 * never pads. Safe for use from many threads.
 *
 * @since 0.1.0
 */
public final class Tokenizer implements AutoCloseable {

  private final HuggingFaceTokenizer tokenizer;
  private final Map<String, Integer> specialIds;
  private final Map<String, String> roles;

  private Tokenizer(
      HuggingFaceTokenizer tokenizer, Map<String, Integer> specialIds, Map<String, String> roles) {
    this.tokenizer = tokenizer;
    this.specialIds = specialIds;
    this.roles = roles;
  }

  /**
   * Loads a tokenizer.
   *
   * @param directory holds {@code tokenizer.json} and, for the special tokens, {@code
   *     tokenizer_config.json}
   * @return the tokenizer, to be closed by the caller
   * @throws IOException if a file is missing or cannot be read
   * @throws LoraException if a file is not what it should be
   */
  public static Tokenizer load(Path directory) throws IOException {
    Path file = directory.resolve("tokenizer.json");
    if (!Files.exists(file)) {
      throw new NoSuchFileException(
          file.toString(), null, "missing; wanted a model directory with tokenizer.json");
    }
    Map<String, Integer> specialIds = new HashMap<>();
    JsonElement added = object(file).get("added_tokens");
    if (added != null && added.isJsonArray()) {
      for (JsonElement token : added.getAsJsonArray()) {
        JsonObject fields = token.getAsJsonObject();
        specialIds.put(fields.get("content").getAsString(), fields.get("id").getAsInt());
      }
    }
    Map<String, String> roles = new HashMap<>();
    Path config = directory.resolve("tokenizer_config.json");
    if (Files.exists(config)) {
      for (String role : new String[] {"bos_token", "eos_token", "pad_token", "unk_token"}) {
        content(object(config).get(role)).ifPresent(token -> roles.put(role, token));
      }
    }
    Map<String, String> options =
        Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "true");
    try {
      return new Tokenizer(HuggingFaceTokenizer.newInstance(file, options), specialIds, roles);
    } catch (RuntimeException e) {
      throw new LoraException(file + " is no tokenizer: " + e.getMessage(), e);
    }
  }

  private static JsonObject object(Path file) throws IOException {
    try {
      return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw new LoraException(file + " is not a JSON object: " + e.getMessage(), e);
    }
  }

  /** A special token is written as a string or as an object with its content. */
  private static Optional<String> content(JsonElement token) {
    if (token == null || token.isJsonNull()) {
      return Optional.empty();
    }
    return Optional.of(
        token.isJsonObject()
            ? token.getAsJsonObject().get("content").getAsString()
            : token.getAsString());
  }

  /**
   * Encodes a text, special tokens in it recognised.
   *
   * @param text any text
   * @return its ids, empty for an empty text
   */
  public int[] encode(String text) {
    return Arrays.stream(tokenizer.encode(text).getIds()).mapToInt(Math::toIntExact).toArray();
  }

  /**
   * Decodes ids, leaving special tokens out.
   *
   * @param ids token ids
   * @return the text
   */
  public String decode(int[] ids) {
    return decode(ids, true);
  }

  /**
   * Decodes ids.
   *
   * @param ids token ids
   * @param skipSpecialTokens whether to leave special tokens out
   * @return the text; bytes that are no whole character show as U+FFFD
   */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), skipSpecialTokens);
  }

  /**
   * Id of a special token.
   *
   * @param token its text, e.g. {@code </s>}
   * @return empty if the tokenizer has no such special token
   */
  public OptionalInt specialId(String token) {
    Integer id = specialIds.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /**
   * The token that ends a text.
   *
   * @return its id, empty if there is none
   */
  public OptionalInt eosId() {
    return role("eos_token");
  }

  /**
   * The token that begins a text.
   *
   * @return its id, empty if there is none
   */
  public OptionalInt bosId() {
    return role("bos_token");
  }

  /**
   * The token that fills short rows elsewhere; nothing is padded here.
   *
   * @return its id, empty if there is none
   */
  public OptionalInt padId() {
    return role("pad_token");
  }

  private OptionalInt role(String role) {
    String token = roles.get(role);
    return token == null ? OptionalInt.empty() : specialId(token);
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
