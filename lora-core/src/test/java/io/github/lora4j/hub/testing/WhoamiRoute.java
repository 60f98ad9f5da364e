package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.util.Optional;

/** Says whom a token belongs to. */
final class WhoamiRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    if (exchange.onStorageHost() || !exchange.path().equals("/api/whoami-v2")) {
      return false;
    }
    Optional<String> user = exchange.user();
    if (user.isEmpty()) {
      return exchange.refuse(401, "", "Invalid credentials in Authorization header");
    }
    return exchange.json(
        200,
        """
        {"type":"user","id":"1","name":"%s","fullname":"%s","orgs":[],\
        "auth":{"type":"access_token","accessToken":{"displayName":"t","role":"write"}}}"""
            .formatted(user.get(), user.get()));
  }
}
