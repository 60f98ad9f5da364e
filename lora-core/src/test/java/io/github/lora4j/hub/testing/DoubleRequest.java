package io.github.lora4j.hub.testing;

import java.util.Map;
import java.util.Optional;

/**
 * A request that the double got.
 *
 * @param host {@code hub} or {@code storage}
 * @param method e.g. GET
 * @param path as it was sent, with its query
 * @param headers first values by names in lower case
 */
public record DoubleRequest(String host, String method, String path, Map<String, String> headers) {

  public Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name.toLowerCase(java.util.Locale.ROOT)));
  }

  @Override
  public String toString() {
    return host + " " + method + " " + path;
  }
}
