package io.github.lora4j.hub;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.util.Map;

/** The requests of a push: JSON there and back, failures in words. */
final class PushCalls {

  static final String JSON = "application/json";

  private final HubHttp http;
  private final HubOptions options;

  PushCalls(HubHttp http, HubOptions options) {
    this.http = http;
    this.options = options;
  }

  HubOptions options() {
    return options;
  }

  HubHttp http() {
    return http;
  }

  /** An address of the endpoint. */
  URI address(String path) {
    return http.address(path);
  }

  JsonReply get(String path, HubSubject subject) throws IOException {
    return json(HubRequest.get(address(path)), subject);
  }

  JsonReply post(String path, JsonObject body, HubSubject subject) throws IOException {
    return json(request(path, body), subject);
  }

  /** For those who know what to make of a refusal; closed by the caller. */
  HubReply reply(String path, JsonObject body) throws IOException {
    return http.send(request(path, body));
  }

  JsonReply json(HubRequest request, HubSubject subject) throws IOException {
    try (HubReply reply = http.failures().require(http.sendForText(request), subject)) {
      return object(request, reply);
    }
  }

  /** The object in an answer; one that breaks off is no answer. */
  JsonReply object(HubRequest request, HubReply reply) throws IOException {
    try {
      return JsonReply.of(request, reply.json());
    } catch (HubException | InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      throw http.failures().unavailable(request, e);
    }
  }

  /** Sends what is not answered by a text that matters. */
  void send(HubRequest request, HubSubject subject) throws IOException {
    try (HubReply reply = http.send(request)) {
      if (!reply.isOk()) {
        throw http.failures().of(reply, subject);
      }
    }
  }

  private HubRequest request(String path, JsonObject body) {
    return HubRequest.post(address(path), JSON, body.toString());
  }

  /** An object of texts. */
  static JsonObject object(Map<String, String> members) {
    JsonObject object = new JsonObject();
    members.forEach(object::addProperty);
    return object;
  }
}
