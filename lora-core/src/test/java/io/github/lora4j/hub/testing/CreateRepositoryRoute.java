package io.github.lora4j.hub.testing;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/** {@code /api/repos/create}. */
final class CreateRepositoryRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    if (exchange.onStorageHost() || !exchange.path().equals("/api/repos/create")) {
      return false;
    }
    JsonObject body = UploadRoutes.json(exchange);
    Optional<String> user = exchange.user();
    if (user.isEmpty()) {
      return exchange.refuse(401, "", "Invalid username or password.");
    }
    String owner = text(body, "organization").orElse(user.get());
    String id = owner + "/" + text(body, "name").orElseThrow();
    if (!owner.equals(user.get())) {
      return exchange.refuse(403, "", "You don't have the rights to create under " + owner);
    }
    String kind = text(body, "type").orElse("model") + "s";
    String url = exchange.hub().endpoint() + (kind.equals("models") ? "/" : "/" + kind + "/") + id;
    if (exchange.hub().store().find(kind, id).isPresent()) {
      JsonObject taken = UploadRoutes.object("url", url);
      taken.addProperty("error", "You already created this " + kind + " repo");
      return exchange.json(409, taken.toString());
    }
    DoubleRepository made = exchange.hub().store().create(kind, id);
    if (text(body, "visibility").equals(Optional.of("private"))) {
      made.makePrivate();
    }
    made.commitText(
        Map.of(".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"));
    JsonObject answer = UploadRoutes.object("url", url);
    answer.addProperty("name", id);
    answer.addProperty("id", "000000000000000000000000");
    return exchange.json(200, answer.toString());
  }

  private static Optional<String> text(JsonObject body, String name) {
    return Optional.ofNullable(body.get(name))
        .filter(JsonElement::isJsonPrimitive)
        .map(JsonElement::getAsString);
  }
}
