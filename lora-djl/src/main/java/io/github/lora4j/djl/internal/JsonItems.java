package io.github.lora4j.djl.internal;

import com.google.gson.JsonElement;
import io.github.lora4j.LoraException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A list in a JSON object of a checkpoint, read as what it should be a list of.
 *
 * @param where the object it stands in
 * @param key its name there
 * @param value the list, or something else; none for an empty one
 */
record JsonItems(String where, String key, Optional<JsonElement> value) {

  private static final int LONGEST = 60; // characters of a value in a message

  static JsonItems of(String where, String key, Optional<JsonElement> value) {
    return new JsonItems(where, key, value);
  }

  /** That a value is not of the kind that is wanted. */
  static LoraException not(String where, String kind, String key, JsonElement value) {
    String text = value.toString();
    return new LoraException(
        "%s: %s must be %s, got %s"
            .formatted(
                where,
                key,
                kind,
                text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text));
  }

  private List<JsonElement> items(String kind) {
    if (value.isEmpty()) {
      return List.of();
    }
    if (!value.get().isJsonArray()) {
      throw not(where, kind, key, value.get());
    }
    return value.get().getAsJsonArray().asList();
  }

  List<Json> objects() {
    String kind = "a list of objects";
    List<Json> objects = new ArrayList<>();
    for (JsonElement item : items(kind)) {
      if (!item.isJsonObject()) {
        throw not(where, kind, key, value.orElse(item));
      }
      objects.add(
          new Json("%s: %s[%d]".formatted(where, key, objects.size()), item.getAsJsonObject()));
    }
    return objects;
  }

  List<String> texts() {
    String kind = "a list of texts";
    List<String> texts = new ArrayList<>();
    for (JsonElement item : items(kind)) {
      if (!item.isJsonPrimitive() || !item.getAsJsonPrimitive().isString()) {
        throw not(where, kind, key, item);
      }
      texts.add(item.getAsString());
    }
    return texts;
  }

  double[] numbers() {
    String kind = "a list of numbers";
    List<JsonElement> items = items(kind);
    double[] numbers = new double[items.size()];
    for (int i = 0; i < numbers.length; i++) {
      JsonElement item = items.get(i);
      if (!item.isJsonPrimitive() || !item.getAsJsonPrimitive().isNumber()) {
        throw not(where, kind, key, item);
      }
      numbers[i] = item.getAsDouble();
    }
    return numbers;
  }

  /** Texts, or the {@code content} of objects. */
  List<String> contents() {
    String kind = "a list of texts";
    List<String> texts = new ArrayList<>();
    for (JsonElement item : items(kind)) {
      JsonElement content = item.isJsonObject() ? item.getAsJsonObject().get("content") : item;
      if (content == null || !content.isJsonPrimitive()) {
        throw not(where, kind, key, item);
      }
      texts.add(content.getAsString());
    }
    return texts;
  }
}
