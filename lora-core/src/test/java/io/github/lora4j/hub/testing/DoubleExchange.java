package io.github.lora4j.hub.testing;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One request to the double and its answer. */
public final class DoubleExchange {

  private final HttpExchange http;
  private final HubDouble hub;
  private final boolean onStorageHost;

  DoubleExchange(HttpExchange http, HubDouble hub, boolean onStorageHost) {
    this.http = http;
    this.hub = hub;
    this.onStorageHost = onStorageHost;
  }

  public HubDouble hub() {
    return hub;
  }

  /** Whether it came to the second host, which keeps large content. */
  public boolean onStorageHost() {
    return onStorageHost;
  }

  public String method() {
    return http.getRequestMethod();
  }

  /** Decoded segments of the path. */
  public List<String> segments() {
    return Arrays.stream(http.getRequestURI().getRawPath().substring(1).split("/", -1))
        .map(DoubleExchange::decoded)
        .toList();
  }

  /** The path as it was sent. */
  public String path() {
    return http.getRequestURI().getRawPath();
  }

  /** A parameter of the query. */
  public Optional<String> parameter(String name) {
    String query = http.getRequestURI().getRawQuery();
    return Arrays.stream(query == null ? new String[0] : query.split("&", -1))
        .map(pair -> pair.split("=", 2))
        .filter(pair -> decoded(pair[0]).equals(name))
        .map(pair -> pair.length == 2 ? decoded(pair[1]) : "")
        .findFirst();
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(http.getRequestHeaders().getFirst(name));
  }

  /** Whom the token belongs to, if there is one that the double knows. */
  public Optional<String> user() {
    return header("Authorization")
        .filter(value -> value.startsWith("Bearer "))
        .flatMap(value -> hub.store().user(value.substring("Bearer ".length())));
  }

  public byte[] body() throws IOException {
    return http.getRequestBody().readAllBytes();
  }

  public DoubleExchange set(String header, String value) {
    http.getResponseHeaders().set(header, value);
    return this;
  }

  /** Answers with JSON. */
  public boolean json(int status, String text) throws IOException {
    set("Content-Type", "application/json; charset=utf-8");
    return bytes(status, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Answers with bytes; to HEAD with their length only. */
  public boolean bytes(int status, byte[] bytes) throws IOException {
    if (method().equals("HEAD")) {
      set("Content-Length", String.valueOf(bytes.length));
      http.sendResponseHeaders(status, -1);
    } else {
      http.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
      try (OutputStream out = http.getResponseBody()) {
        out.write(bytes);
      }
    }
    http.close();
    return true;
  }

  /** Announces a length, sends fewer bytes, and hangs up. */
  public boolean cut(int status, byte[] bytes, int sent) throws IOException {
    http.sendResponseHeaders(status, bytes.length);
    http.getResponseBody().write(bytes, 0, sent);
    http.getResponseBody().flush();
    http.close(); // less than announced, so the connection goes with it
    return true;
  }

  /** Announces a length and gives the stream, for answers that take their time. */
  public OutputStream open(int status, long length) throws IOException {
    http.sendResponseHeaders(status, length);
    return http.getResponseBody();
  }

  public boolean redirect(int status, String location) throws IOException {
    set("Location", location);
    return bytes(status, new byte[0]);
  }

  /** Answers as the hub does when it cannot. */
  public boolean refuse(int status, String code, String message) throws IOException {
    if (!code.isEmpty()) {
      set("X-Error-Code", code);
    }
    set("X-Error-Message", message);
    return json(status, "{\"error\":\"" + message + "\"}");
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }
}
