package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** The second host: large content by hash, to whoever has the signature, and to no token. */
final class StorageRoute implements DoubleRoute {

  static final String PREFIX = "large";
  static final String SIGNATURE = "5ecre75164a7u4e";

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    List<String> path = exchange.segments();
    if (!exchange.onStorageHost()
        || !exchange.method().matches("GET|HEAD")
        || path.size() != 2
        || !path.get(0).equals(PREFIX)) {
      return false;
    }
    if (exchange.header("Authorization").isPresent()) {
      return exchange.json(400, "{\"error\":\"only one way of authentication is allowed\"}");
    }
    if (!exchange.parameter("X-Amz-Signature").equals(Optional.of(SIGNATURE))) {
      return exchange.json(403, "{\"error\":\"no signature\"}");
    }
    Optional<byte[]> bytes = exchange.hub().store().large(path.get(1));
    if (bytes.isEmpty()) {
      return exchange.json(404, "{\"error\":\"no such content\"}");
    }
    exchange.set("ETag", "\"" + path.get(1) + "\"");
    return Ranges.send(exchange, bytes.get());
  }
}
