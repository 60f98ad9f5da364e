package io.github.lora4j.hub.testing;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code /api/complete_multipart}: the parts of a large file become one. */
final class LargeCompleteRoute implements DoubleRoute {

  private final LargePutRoute put;

  LargeCompleteRoute(LargePutRoute put) {
    this.put = put;
  }

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    if (exchange.onStorageHost() || !exchange.path().equals("/api/complete_multipart")) {
      return false;
    }
    JsonObject body = UploadRoutes.json(exchange);
    List<String> receipts = new ArrayList<>();
    for (JsonElement part : body.getAsJsonArray("parts")) {
      if (part.getAsJsonObject().get("partNumber").getAsInt() != receipts.size() + 1) {
        return exchange.refuse(400, "", "parts are out of order");
      }
      receipts.add(part.getAsJsonObject().get("etag").getAsString());
    }
    String oid = body.get("oid").getAsString();
    Optional<byte[]> content = put.together(oid, receipts);
    if (content.isEmpty()) {
      return exchange.refuse(400, "", "parts do not make what was announced");
    }
    exchange.hub().store().putLarge(oid, content.get());
    return exchange.json(200, "{\"success\":true}");
  }
}
