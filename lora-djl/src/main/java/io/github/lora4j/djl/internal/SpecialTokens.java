package io.github.lora4j.djl.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the special tokens of a tokenizer are for.
 *
 * @param texts role, e.g. {@code eos_token}, to the token's text
 * @param extra special tokens without a role
 */
public record SpecialTokens(Map<String, String> texts, Set<String> extra) {

  private static final List<String> ROLES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  /** Copies map and set; their order decides the ids of those that the vocabulary lacks. */
  public SpecialTokens {
    Map<String, String> given = texts;
    Map<String, String> ordered = new LinkedHashMap<>();
    ROLES.stream().filter(given::containsKey).forEach(role -> ordered.put(role, given.get(role)));
    texts = Collections.unmodifiableMap(ordered);
    extra = Collections.unmodifiableSet(new LinkedHashSet<>(extra));
  }

  /**
   * Reads {@code tokenizer_config.json} and, where that does not list the added tokens, {@code
   * special_tokens_map.json}, which then counts more: as transformers does.
   *
   * @param directory of a checkpoint; either file may be missing
   * @param defaults roles of the tokenizer's class where the files do not name them
   * @return the roles that are filled
   * @throws IOException if a file cannot be read
   */
  static SpecialTokens read(Path directory, Map<String, String> defaults) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>(defaults);
    Set<String> extra = new LinkedHashSet<>();
    Path file = directory.resolve("tokenizer_config.json");
    boolean complete = false;
    if (Files.exists(file)) {
      Json config = Json.read(file, "what special tokens are for");
      complete = config.has("added_tokens_decoder");
      add(config, texts, extra);
    }
    Path map = directory.resolve("special_tokens_map.json");
    if (!complete && Files.exists(map)) {
      add(Json.read(map, "what special tokens are for"), texts, extra);
    }
    return new SpecialTokens(texts, extra);
  }

  private static void add(Json config, Map<String, String> texts, Set<String> extra) {
    for (String role : ROLES) {
      Optional<String> text = written(config, role);
      if (text.isPresent()) {
        texts.put(role, text.get());
      } else if (config.names(role)) {
        texts.remove(role); // null: the class's own token is not wanted
      }
    }
    addNamed(config, extra);
    Optional<Json> named = config.object("extra_special_tokens");
    named.ifPresent(names -> names.keys().forEach(name -> extra.addAll(text(names, name))));
    List<String> more =
        named.isPresent() ? List.<String>of() : config.contents("extra_special_tokens");
    extra.addAll(more.isEmpty() ? config.contents("additional_special_tokens") : more);
  }

  /** Roles of one model's own, as {@code boi_token}: the beginning of an image. */
  private static void addNamed(Json config, Set<String> extra) {
    for (String key : config.keys()) {
      if (key.endsWith("_token") && !ROLES.contains(key) && config.isTextOrObject(key)) {
        extra.addAll(text(config, key));
      }
    }
  }

  private static List<String> text(Json config, String key) {
    return written(config, key).stream().toList();
  }

  /** A special token is written as a text or as an object with its content. */
  private static Optional<String> written(Json config, String key) {
    Optional<Json> object = config.object(key);
    return object.isPresent() ? object.get().text("content") : config.text(key);
  }
}
