package io.github.lora4j.hub.testing;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.Optional;

/** {@code /{id}.git/info/lfs/verify}: whether a large file is there and as long as announced. */
final class LargeVerifyRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    if (exchange.onStorageHost() || !exchange.path().endsWith(".git/info/lfs/verify")) {
      return false;
    }
    if (exchange.user().isEmpty()) {
      return exchange.refuse(401, "", "Invalid username or password.");
    }
    JsonObject body = UploadRoutes.json(exchange);
    Optional<byte[]> content = exchange.hub().store().large(body.get("oid").getAsString());
    if (content.isEmpty() || content.get().length != body.get("size").getAsLong()) {
      return exchange.refuse(404, "", "Object does not exist");
    }
    return exchange.json(200, "{}");
  }
}
