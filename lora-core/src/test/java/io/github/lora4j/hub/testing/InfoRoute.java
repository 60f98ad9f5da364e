package io.github.lora4j.hub.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.Optional;

/** {@code /api/models/{id}} and {@code /api/models/{id}/revision/{revision}}. */
final class InfoRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    Optional<DoubleAddress> asked = DoubleAddress.ofApi(exchange);
    if (asked.isEmpty()
        || !exchange.method().equals("GET")
        || !asked.get().action().matches("|revision")) {
      return false;
    }
    DoubleAddress address = asked.get();
    Optional<DoubleRepository> repository = address.repository(exchange);
    if (repository.isEmpty()) {
      return true;
    }
    String revision = address.rest().isEmpty() ? "main" : address.rest().get(0);
    Optional<String> commit = address.commit(exchange, repository.get(), revision);
    if (commit.isEmpty()) {
      return true;
    }
    return exchange.json(200, info(repository.get(), commit.get()).toString());
  }

  private static JsonObject info(DoubleRepository repository, String commit) {
    JsonObject info = new JsonObject();
    info.addProperty("_id", "000000000000000000000000");
    info.addProperty("id", repository.id());
    if (repository.kind().equals("models")) {
      info.addProperty("modelId", repository.id());
    }
    info.addProperty("sha", commit);
    info.addProperty("private", repository.isPrivate());
    if (repository.isGated()) {
      info.addProperty("gated", "manual");
    } else {
      info.addProperty("gated", false);
    }
    info.addProperty("disabled", false);
    info.addProperty("downloads", 0);
    info.addProperty("likes", 0);
    info.add("tags", new JsonArray());
    info.addProperty("lastModified", "2026-01-01T00:00:00.000Z");
    info.addProperty("createdAt", "2026-01-01T00:00:00.000Z");
    JsonArray siblings = new JsonArray();
    for (String name : repository.files(commit).keySet()) {
      JsonObject sibling = new JsonObject();
      sibling.addProperty("rfilename", name);
      siblings.add(sibling);
    }
    info.add("siblings", siblings);
    return info;
  }
}
