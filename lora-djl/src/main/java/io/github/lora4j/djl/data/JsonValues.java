package io.github.lora4j.djl.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON as Java's own types: maps, lists, texts, truth values, numbers, nulls. */
final class JsonValues {

  private JsonValues() {}

  static @Nullable Object of(JsonElement json) {
    if (json.isJsonNull()) {
      return null;
    }
    if (json.isJsonObject()) {
      return map(json.getAsJsonObject());
    }
    if (json.isJsonArray()) {
      List<@Nullable Object> list = new ArrayList<>();
      json.getAsJsonArray().forEach(item -> list.add(of(item)));
      return list;
    }
    JsonPrimitive value = json.getAsJsonPrimitive();
    if (value.isBoolean()) {
      return value.getAsBoolean();
    }
    return value.isString() ? value.getAsString() : number(value.getAsString());
  }

  static Map<String, @Nullable Object> map(JsonObject json) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    json.entrySet().forEach(member -> map.put(member.getKey(), of(member.getValue())));
    return map;
  }

  /** A whole number is one that was written without point and exponent, as in Python. */
  private static Number number(String text) {
    boolean whole = text.chars().allMatch(c -> c == '-' || (c >= '0' && c <= '9'));
    return whole ? new BigInteger(text) : (Number) Double.valueOf(text);
  }
}
