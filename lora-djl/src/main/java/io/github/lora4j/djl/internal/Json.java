package io.github.lora4j.djl.internal;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import io.github.lora4j.io.JsonReason;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * An object in a JSON file of a checkpoint. Whatever is wrong with it is said in one line that
 * names the file and the key.
 */
public final class Json {

  private final String where;
  private final JsonObject object;

  Json(String where, JsonObject object) {
    this.where = where;
    this.object = object;
  }

  /**
   * Reads a file.
   *
   * @param file a file that holds one JSON object
   * @param wanted what the file is needed for, to be said if it is missing
   * @return the object
   * @throws NoSuchFileException if the file is missing
   * @throws IOException if the file cannot be read
   * @throws LoraException if it is no JSON object
   */
  public static Json read(Path file, String wanted) throws IOException {
    try {
      JsonElement json = JsonParser.parseString(Files.readString(file));
      if (json.isJsonObject()) {
        return new Json(file.toString(), json.getAsJsonObject());
      }
      throw new LoraException(file + ": wanted a JSON object");
    } catch (NoSuchFileException e) {
      throw new NoSuchFileException(file.toString(), null, "missing; wanted " + wanted);
    } catch (CharacterCodingException e) {
      throw new LoraException(file + " is not JSON: it is no UTF-8 text", e);
    } catch (JsonParseException e) {
      throw new LoraException(file + " is not JSON: " + JsonReason.of(e), e);
    }
  }

  private Optional<JsonElement> get(String key) {
    return Optional.ofNullable(object.get(key)).filter(value -> !value.isJsonNull());
  }

  private LoraException not(String kind, String key, JsonElement value) {
    return JsonItems.not(where, kind, key, value);
  }

  /**
   * A text.
   *
   * @param key its name
   * @return empty if the key is missing or null
   */
  public Optional<String> text(String key) {
    Optional<JsonElement> value = get(key);
    value
        .filter(v -> !v.isJsonPrimitive() || !v.getAsJsonPrimitive().isString())
        .ifPresent(
            v -> {
              throw not("a text", key, v);
            });
    return value.map(JsonElement::getAsString);
  }

  /**
   * A number.
   *
   * @param key its name
   * @return empty if the key is missing or null
   */
  public OptionalDouble number(String key) {
    Optional<JsonElement> value = get(key);
    if (value.isEmpty()) {
      return OptionalDouble.empty();
    }
    if (!value.get().isJsonPrimitive() || !value.get().getAsJsonPrimitive().isNumber()) {
      throw not("a number", key, value.get());
    }
    return OptionalDouble.of(value.get().getAsDouble());
  }

  /**
   * A whole number under the first of some names that is there.
   *
   * @param names keys that mean the same
   * @return empty if none is there
   */
  public OptionalInt whole(String... names) {
    for (String name : names) {
      OptionalDouble number = number(name);
      if (number.isPresent()) {
        int whole = (int) number.getAsDouble();
        if (whole != number.getAsDouble()) {
          throw not("a whole number", name, object.get(name));
        }
        return OptionalInt.of(whole);
      }
    }
    return OptionalInt.empty();
  }

  /**
   * A whole number that null takes away.
   *
   * @param key its name
   * @param missing what a missing key means
   * @return empty if null is written
   */
  public OptionalInt wholeUnlessNull(String key, int missing) {
    return object.has(key) ? whole(key) : OptionalInt.of(missing);
  }

  /**
   * A number that null takes away.
   *
   * @param key its name
   * @param missing what a missing key means
   * @return empty if null is written
   */
  public OptionalDouble numberUnlessNull(String key, double missing) {
    return object.has(key) ? number(key) : OptionalDouble.of(missing);
  }

  /**
   * A truth value.
   *
   * @param key its name
   * @return empty if the key is missing or null
   */
  public Optional<Boolean> flag(String key) {
    Optional<JsonElement> value = get(key);
    value
        .filter(v -> !v.isJsonPrimitive() || !v.getAsJsonPrimitive().isBoolean())
        .ifPresent(
            v -> {
              throw not("true or false", key, v);
            });
    return value.map(JsonElement::getAsBoolean);
  }

  /**
   * The same with some members set.
   *
   * @param members values by key
   * @return another object, called as this one is in messages
   */
  public Json with(Map<String, ?> members) {
    JsonObject copy = object.deepCopy();
    JsonObject set = new Gson().toJsonTree(members).getAsJsonObject();
    set.entrySet().forEach(member -> copy.add(member.getKey(), member.getValue()));
    return new Json(where, copy);
  }

  /**
   * Whether something is an object rather than a text or a number.
   *
   * @param key its name
   * @return the object, empty if the key is missing or something else
   */
  public Optional<Json> object(String key) {
    return get(key)
        .filter(JsonElement::isJsonObject)
        .map(value -> new Json(where + ": " + key, value.getAsJsonObject()));
  }

  /** Whether something is a text or an object. */
  boolean isTextOrObject(String key) {
    return get(key)
        .filter(v -> v.isJsonObject() || (v.isJsonPrimitive() && v.getAsJsonPrimitive().isString()))
        .isPresent();
  }

  /**
   * A list of objects.
   *
   * @param key its name
   * @return empty if the key is missing or null
   */
  public List<Json> objects(String key) {
    return JsonItems.of(where, key, get(key)).objects();
  }

  /**
   * A list of texts.
   *
   * @param key its name
   * @return empty if the key is missing or null
   */
  public List<String> texts(String key) {
    return JsonItems.of(where, key, get(key)).texts();
  }

  /**
   * A list of numbers.
   *
   * @param key its name
   * @return empty if the key is missing or null
   */
  public double[] numbers(String key) {
    return JsonItems.of(where, key, get(key)).numbers();
  }

  /**
   * A list of objects, where there may be something else.
   *
   * @param key its name
   * @return empty if the key is missing or no list
   */
  public Optional<List<Json>> list(String key) {
    return get(key).filter(JsonElement::isJsonArray).map(list -> objects(key));
  }

  /**
   * A list of texts or of objects with a {@code content}: how tokens are listed.
   *
   * @param key its name
   * @return the texts; empty if the key is missing or something else
   */
  public List<String> contents(String key) {
    return JsonItems.of(where, key, get(key).filter(JsonElement::isJsonArray)).contents();
  }

  /**
   * A value that has to be there.
   *
   * @param <T> its type
   * @param key its name
   * @param value what was found under it
   * @return the value
   * @throws LoraException if it is missing
   */
  public <T> T require(String key, Optional<T> value) {
    return value.orElseThrow(() -> new LoraException("%s: %s is missing".formatted(where, key)));
  }

  /**
   * The object's text with some members changed, indented by two spaces; all others stay as they
   * were written.
   *
   * @param members to set: texts, numbers or booleans
   * @param without a member to leave out
   * @return JSON and a line break
   */
  public String with(Map<String, ?> members, String without) {
    JsonObject copy = object.deepCopy();
    copy.remove(without);
    JsonObject set = new Gson().toJsonTree(members).getAsJsonObject();
    set.entrySet().forEach(member -> copy.add(member.getKey(), member.getValue()));
    return new GsonBuilder()
            .setPrettyPrinting()
            .disableHtmlEscaping()
            .serializeNulls()
            .create()
            .toJson(copy)
        + "\n";
  }

  /**
   * Names of the members.
   *
   * @return the keys in the order of the file
   */
  public List<String> keys() {
    return List.copyOf(object.keySet());
  }

  /** A copy of the object. */
  JsonObject copy() {
    return object.deepCopy();
  }

  /**
   * Whether a member is there, also one that is null.
   *
   * @param key its name
   * @return false if it is missing
   */
  public boolean names(String key) {
    return object.has(key);
  }

  /**
   * Whether a member is there.
   *
   * @param key its name
   * @return false if it is missing or null
   */
  public boolean has(String key) {
    return get(key).isPresent();
  }

  /**
   * Where the object stands.
   *
   * @return the file, and for an object inside it the key
   */
  @Override
  public String toString() {
    return where;
  }
}
