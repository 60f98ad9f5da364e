package io.github.lora4j.hub;

import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One request.
 *
 * @param method e.g. GET
 * @param address where it goes; the token goes along if that is the endpoint's own host
 * @param headers beside those that every request has
 * @param body can be sent more than once
 * @param repeatable whether sending it twice is as good as once
 * @param acrossHosts whether redirects to other hosts are followed; if not, the redirecting reply
 *     is the result
 */
record HubRequest(
    String method,
    URI address,
    Map<String, String> headers,
    HttpRequest.BodyPublisher body,
    boolean repeatable,
    boolean acrossHosts) {

  private static final HttpRequest.BodyPublisher NOTHING = HttpRequest.BodyPublishers.noBody();

  HubRequest {
    headers = Map.copyOf(headers);
  }

  static HubRequest get(URI address) {
    return new HubRequest("GET", address, Map.of(), NOTHING, true, true);
  }

  /** Asks for what stands in the hub's own headers: a redirect to another host is the answer. */
  static HubRequest head(URI address) {
    return new HubRequest("HEAD", address, Map.of(), NOTHING, true, false);
  }

  static HubRequest post(URI address, String contentType, String text) {
    return post(
        address, contentType, HttpRequest.BodyPublishers.ofString(text, StandardCharsets.UTF_8));
  }

  static HubRequest post(URI address, String contentType, HttpRequest.BodyPublisher body) {
    return new HubRequest("POST", address, Map.of("Content-Type", contentType), body, true, true);
  }

  /** Puts content where the hub said. */
  static HubRequest put(URI address, HttpRequest.BodyPublisher body) {
    return new HubRequest("PUT", address, Map.of(), body, true, true);
  }

  HubRequest with(String header, String value) {
    Map<String, String> more = new LinkedHashMap<>(headers);
    more.put(header, value);
    return new HubRequest(method, address, more, body, repeatable, acrossHosts);
  }

  /** The same, for what must not happen twice. */
  HubRequest once() {
    return new HubRequest(method, address, headers, body, false, acrossHosts);
  }

  HubRequest to(URI other) {
    return new HubRequest(method, other, headers, body, repeatable, acrossHosts);
  }

  /** Whether it only asks: such a request follows every redirect. */
  boolean isReading() {
    return method.equals("GET") || method.equals("HEAD");
  }

  @Override
  public String toString() {
    return method + " " + HubText.shown(address);
  }
}
