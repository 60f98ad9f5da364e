package io.github.lora4j.djl;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
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
   * @param directory holds {@code tokenizer.json} and, for what special tokens are for, {@code
   *     tokenizer_config.json}
   * @return the tokenizer, to be closed by the caller
   * @throws IOException if a file is missing or cannot be read
   * @throws LoraException if a file is not what it should be
   */
  public static Tokenizer load(Path directory) throws IOException {
    Engines.sendNoTelemetry();
    Path file = directory.resolve("tokenizer.json");
    Map<String, Integer> specialIds = new HashMap<>();
    for (Json token :
        Json.read(file, "the tokenizer of a model directory").objects("added_tokens")) {
      String content = token.require("content", token.text("content"));
      OptionalInt id = token.whole("id");
      specialIds.put(content, token.require("id", id.stream().boxed().findFirst()));
    }
    Map<String, String> roles = new HashMap<>();
    Json config =
        Json.read(
            directory.resolve("tokenizer_config.json"), "what names the token that ends a text");
    for (String role : List.of("bos_token", "eos_token", "pad_token")) {
      // a special token is written as a text or as an object with its content
      Optional<Json> object = config.object(role);
      Optional<String> text = object.isPresent() ? object.get().text("content") : config.text(role);
      text.ifPresent(token -> roles.put(role, token));
    }
    Map<String, String> options =
        Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "true");
    try {
      return new Tokenizer(HuggingFaceTokenizer.newInstance(file, options), specialIds, roles);
    } catch (RuntimeException e) {
      throw new LoraException(file + " is no tokenizer: " + Json.reason(e), e);
    }
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
