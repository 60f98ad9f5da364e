package io.github.lora4j.djl.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the special tokens of a tokenizer are for.
 *
 * @param texts role, e.g. {@code eos_token}, to the token's text
 */
public record SpecialTokens(Map<String, String> texts) {

  private static final List<String> ROLES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  /** Copies the map. */
  public SpecialTokens {
    texts = Map.copyOf(texts);
  }

  /**
   * Reads {@code tokenizer_config.json} and, where that does not list the added tokens, {@code
   * special_tokens_map.json}, which then counts more: as transformers does.
   *
   * @param directory of a checkpoint; either file may be missing
   * @return the roles that are filled
   * @throws IOException if a file cannot be read
   */
  public static SpecialTokens read(Path directory) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    Path file = directory.resolve("tokenizer_config.json");
    boolean complete = false;
    if (Files.exists(file)) {
      Json config = Json.read(file, "what special tokens are for");
      complete = config.has("added_tokens_decoder");
      texts.putAll(roles(config));
    }
    Path map = directory.resolve("special_tokens_map.json");
    if (!complete && Files.exists(map)) {
      texts.putAll(roles(Json.read(map, "what special tokens are for")));
    }
    return new SpecialTokens(texts);
  }

  private static Map<String, String> roles(Json config) {
    Map<String, String> roles = new LinkedHashMap<>();
    for (String role : ROLES) {
      // a special token is written as a text or as an object with its content
      Optional<Json> object = config.object(role);
      Optional<String> text = object.isPresent() ? object.get().text("content") : config.text(role);
      text.ifPresent(value -> roles.put(role, value));
    }
    return roles;
  }
}
