package io.github.lora4j.hub.testing;

import java.io.IOException;

/** Answers some of the requests. */
@FunctionalInterface
public interface DoubleRoute {

  /**
   * Looks at a request.
   *
   * @return whether this answered it; if not, the next route is asked
   */
  boolean answer(DoubleExchange exchange) throws IOException;
}
