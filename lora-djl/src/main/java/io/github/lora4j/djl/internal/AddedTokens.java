package io.github.lora4j.djl.internal;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.lora4j.LoraException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * The tokens beside the vocabulary: those of {@code tokenizer.json}, over them those of {@code
 * tokenizer_config.json}, and special tokens that are neither.
 */
final class AddedTokens {

  private final Json checked;
  private final JsonObject file;
  private final Optional<Json> config;
  private final SpecialTokens special;
  private final Map<String, JsonObject> tokens = new LinkedHashMap<>();
  private int next;

  AddedTokens(Json checked, JsonObject file, Optional<Json> config, SpecialTokens special) {
    this.checked = checked;
    this.file = file;
    this.config = config;
    this.special = special;
  }

  /** Puts all of them into the file; gives their ids. */
  Map<String, Integer> merge() {
    for (Json token : checked.objects("added_tokens")) {
      String content = token.require("content", token.text("content"));
      OptionalInt id = token.whole("id");
      token.require("id", id.stream().boxed().findFirst());
      tokens.put(content, token.copy());
    }
    next =
        1
            + Math.max(
                highest(), tokens.values().stream().mapToInt(AddedTokens::id).max().orElse(-1));
    config.flatMap(json -> json.object("added_tokens_decoder")).ifPresent(this::configured);
    special.texts().values().stream().distinct().forEach(this::special);
    special.extra().forEach(this::special);
    TreeMap<Integer, JsonObject> sorted = new TreeMap<>();
    Map<String, Integer> ids = new LinkedHashMap<>();
    tokens.forEach(
        (content, token) -> {
          sorted.put(id(token), token);
          ids.put(content, id(token));
        });
    JsonArray all = new JsonArray();
    sorted.values().forEach(all::add);
    file.add("added_tokens", all);
    return ids;
  }

  private static int id(JsonObject token) {
    return token.get("id").getAsInt();
  }

  private void configured(Json decoder) {
    TreeMap<Integer, Json> byId = new TreeMap<>();
    for (String key : decoder.keys()) {
      Json token = decoder.require(key, decoder.object(key));
      if (!key.matches("\\d{1,9}")) {
        throw new LoraException("%s: '%s' is no id of a token".formatted(decoder, key));
      }
      byId.put(Integer.parseInt(key), token);
    }
    byId.forEach(
        (id, token) -> {
          String content = token.require("content", token.text("content"));
          boolean isSpecial = token.flag("special").orElse(false);
          JsonObject copy = new JsonObject();
          copy.addProperty("id", idOf(content));
          copy.addProperty("content", content);
          for (String flag : new String[] {"single_word", "lstrip", "rstrip"}) {
            copy.addProperty(flag, token.flag(flag).orElse(false));
          }
          copy.addProperty("normalized", token.flag("normalized").orElse(!isSpecial));
          copy.addProperty("special", isSpecial || special.texts().containsValue(content));
          tokens.put(content, copy);
        });
  }

  /** A special token is recognised in texts, also one that the files do not list as added. */
  private void special(String content) {
    if (!tokens.containsKey(content)) {
      JsonObject token = new JsonObject();
      token.addProperty("id", idOf(content));
      token.addProperty("content", content);
      for (String flag : new String[] {"single_word", "lstrip", "rstrip", "normalized"}) {
        token.addProperty(flag, false);
      }
      token.addProperty("special", true);
      tokens.put(content, token);
    }
  }

  private int idOf(String content) {
    JsonObject known = tokens.get(content);
    if (known != null) {
      return id(known);
    }
    return vocabulary(content).orElseGet(() -> next++);
  }

  private OptionalInt vocabulary(String content) {
    if (vocab().orElse(null) instanceof JsonObject byText) {
      JsonElement id = byText.get(content);
      return id == null ? OptionalInt.empty() : OptionalInt.of(id.getAsInt());
    }
    if (vocab().orElse(null) instanceof JsonArray scored) {
      for (int i = 0; i < scored.size(); i++) {
        if (scored.get(i).getAsJsonArray().get(0).getAsString().equals(content)) {
          return OptionalInt.of(i);
        }
      }
    }
    return OptionalInt.empty();
  }

  private int highest() {
    if (vocab().orElse(null) instanceof JsonObject byText) {
      return byText.entrySet().stream().mapToInt(e -> e.getValue().getAsInt()).max().orElse(-1);
    }
    return vocab().orElse(null) instanceof JsonArray scored ? scored.size() - 1 : -1;
  }

  private Optional<JsonElement> vocab() {
    return vocab(file);
  }

  /** The vocabulary of a tokenizer: text to id, or texts with scores. */
  static Optional<JsonElement> vocab(JsonObject file) {
    return file.get("model") instanceof JsonObject model
        ? Optional.ofNullable(model.get("vocab"))
        : Optional.empty();
  }
}
