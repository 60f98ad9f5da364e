package io.github.lora4j;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Reads the members of a JSON object by type, and collects what is not of that type. */
final class JsonFields {

  private final JsonObject json;
  private final List<String> problems = new ArrayList<>();

  JsonFields(JsonObject json) {
    this.json = json;
  }

  List<String> problems() {
    return problems;
  }

  void problem(String format, Object... arguments) {
    problems.add(format.formatted(arguments));
  }

  /** The member, unless it is missing or null. */
  Optional<JsonElement> find(String key) {
    return Optional.ofNullable(json.get(key)).filter(value -> !value.isJsonNull());
  }

  Optional<String> text(String key) {
    return primitive(key, JsonPrimitive::isString, "a text").map(JsonPrimitive::getAsString);
  }

  boolean flag(String key) {
    return primitive(key, JsonPrimitive::isBoolean, "true or false")
        .map(JsonPrimitive::getAsBoolean)
        .orElse(false);
  }

  Optional<Double> number(String key) {
    return primitive(key, JsonPrimitive::isNumber, "a number").map(JsonPrimitive::getAsDouble);
  }

  Optional<Integer> whole(String key) {
    return find(key).flatMap(value -> whole(key, value));
  }

  /** One text or a list of them. */
  List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    for (JsonElement item : items(key)) {
      primitive(key, item, JsonPrimitive::isString, "texts")
          .map(JsonPrimitive::getAsString)
          .ifPresent(texts::add);
    }
    return texts;
  }

  /** One whole number or a list of them. */
  List<Integer> wholes(String key) {
    List<Integer> numbers = new ArrayList<>();
    for (JsonElement item : items(key)) {
      whole(key, item).ifPresent(numbers::add);
    }
    return numbers;
  }

  Map<String, Integer> wholesByName(String key) {
    Map<String, Integer> numbers = new LinkedHashMap<>();
    members(key).forEach((name, value) -> whole(key, value).ifPresent(n -> numbers.put(name, n)));
    return numbers;
  }

  Map<String, Double> numbersByName(String key) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    members(key)
        .forEach(
            (name, value) ->
                primitive(key, value, JsonPrimitive::isNumber, "numbers")
                    .ifPresent(number -> numbers.put(name, number.getAsDouble())));
    return numbers;
  }

  private List<JsonElement> items(String key) {
    return find(key)
        .map(value -> value.isJsonArray() ? value.getAsJsonArray().asList() : List.of(value))
        .orElse(List.of());
  }

  private Map<String, JsonElement> members(String key) {
    Optional<JsonElement> value = find(key);
    if (value.isPresent() && !value.get().isJsonObject()) {
      problem("%s must be an object, got %s", key, cut(value.get()));
      return Map.of();
    }
    return value.map(object -> object.getAsJsonObject().asMap()).orElse(Map.of());
  }

  private Optional<Integer> whole(String key, JsonElement value) {
    Optional<Double> number =
        primitive(key, value, JsonPrimitive::isNumber, "a number").map(JsonPrimitive::getAsDouble);
    if (number.isPresent() && number.get() != (int) (double) number.get()) {
      problem("%s must be a whole number of 32 bits, got %s", key, cut(value));
      return Optional.empty();
    }
    return number.map(Double::intValue);
  }

  private Optional<JsonPrimitive> primitive(
      String key, Predicate<JsonPrimitive> type, String wanted) {
    return find(key).flatMap(value -> primitive(key, value, type, wanted));
  }

  private Optional<JsonPrimitive> primitive(
      String key, JsonElement value, Predicate<JsonPrimitive> type, String wanted) {
    if (value.isJsonPrimitive() && type.test(value.getAsJsonPrimitive())) {
      return Optional.of(value.getAsJsonPrimitive());
    }
    problem("%s must be %s, got %s", key, wanted, cut(value));
    return Optional.empty();
  }

  /** A value short enough for a message. */
  static String cut(JsonElement value) {
    String text = value.toString();
    return text.length() > 80 ? text.substring(0, 80) + "…" : text;
  }
}
