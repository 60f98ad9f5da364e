package io.github.lora4j.hub.testing;

import java.io.IOException;

/** The last route: there is nothing here. */
final class NotFoundRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    return exchange.json(404, "{\"error\":\"Sorry, we can't find the page you are looking for.\"}");
  }
}
