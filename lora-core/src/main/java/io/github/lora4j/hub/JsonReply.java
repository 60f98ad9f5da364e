package io.github.lora4j.hub;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** An object in an answer of the hub; what it lacks is said with the request that was answered. */
final class JsonReply {

  private final String where;
  private final JsonObject object;

  private JsonReply(String where, JsonObject object) {
    this.where = where;
    this.object = object;
  }

  /** The answer to a request. */
  static JsonReply of(HubRequest request, JsonElement json) throws HubException {
    if (!json.isJsonObject()) {
      throw new HubException(
          HubException.Kind.REFUSED,
          "%s: wanted a JSON object, the hub answers with something else".formatted(request));
    }
    return new JsonReply(request.toString(), json.getAsJsonObject());
  }

  Optional<String> text(String name) {
    return primitive(name).map(JsonElement::getAsString);
  }

  String requireText(String name) throws HubException {
    return text(name).orElseThrow(() -> missing(name));
  }

  boolean flag(String name) {
    return primitive(name).map(JsonElement::getAsBoolean).orElse(false);
  }

  Optional<JsonReply> object(String name) {
    return Optional.ofNullable(object.get(name))
        .filter(JsonElement::isJsonObject)
        .map(value -> new JsonReply(where, value.getAsJsonObject()));
  }

  /** Names of the members, for those that are data. */
  List<String> names() {
    return List.copyOf(object.keySet());
  }

  List<JsonReply> objects(String name) throws HubException {
    JsonElement value = object.get(name);
    if (value == null || !value.isJsonArray()) {
      throw missing(name);
    }
    JsonArray array = value.getAsJsonArray();
    List<JsonReply> objects = new ArrayList<>();
    for (JsonElement item : array) {
      if (!item.isJsonObject()) {
        throw missing(name);
      }
      objects.add(new JsonReply(where, item.getAsJsonObject()));
    }
    return objects;
  }

  /** Says that the answer breaks the protocol. */
  HubException refusal(String what) {
    return new HubException(
        HubException.Kind.REFUSED, "%s: %s".formatted(where, HubText.printable(what)));
  }

  private HubException missing(String name) {
    return refusal("the answer of the hub has no '%s', or of another kind".formatted(name));
  }

  private Optional<JsonElement> primitive(String name) {
    return Optional.ofNullable(object.get(name)).filter(JsonElement::isJsonPrimitive);
  }
}
