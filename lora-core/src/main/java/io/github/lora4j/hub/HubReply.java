package io.github.lora4j.hub;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringReader;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** An answer, after redirects. Closed by whoever got it. */
final class HubReply implements AutoCloseable {

  /** A page of a listing has some hundred kilobytes. */
  private static final long MOST_JSON = 32L << 20;

  private final HttpResponse<HubBody> response;
  private final List<HttpHeaders> ofHub;
  private final HubTime time;
  private final Optional<String> token;
  private byte @Nullable [] whole;

  /**
   * An answer.
   *
   * @param ofHub headers of the answers on the way here that came from the endpoint itself; what
   *     another host says of hashes and commits counts for nothing
   * @param token what was sent; should the other side repeat it, nobody gets to read it here
   */
  HubReply(
      HttpResponse<HubBody> response,
      List<HttpHeaders> ofHub,
      HubTime time,
      Optional<String> token) {
    this.response = response;
    this.ofHub = List.copyOf(ofHub);
    this.time = time;
    this.token = token;
  }

  int status() {
    return response.statusCode();
  }

  boolean isOk() {
    return status() / 100 == 2;
  }

  boolean isRedirect() {
    return status() / 100 == 3 && header("Location").isPresent();
  }

  /** Where this came from, after redirects. */
  URI address() {
    return response.uri();
  }

  Optional<String> header(String name) {
    return response.headers().firstValue(name).map(this::redacted);
  }

  /** A header of the first answer of the hub itself that has it. */
  Optional<String> hubHeader(String name) {
    return ofHub.stream()
        .flatMap(headers -> headers.firstValue(name).stream())
        .findFirst()
        .map(this::redacted);
  }

  OptionalLong length() {
    try {
      return response.headers().firstValueAsLong("Content-Length");
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }

  HubBody body() {
    return response.body();
  }

  /** Takes the whole body in, so that what breaks off can be asked for again. */
  void takeIn() throws IOException {
    whole = received(MOST_JSON);
  }

  /** The body as text, if it is at most so many bytes long. */
  String text(long most) throws IOException {
    byte[] bytes = whole == null ? received(most) : whole;
    return redacted(new String(bytes, StandardCharsets.UTF_8));
  }

  private String redacted(String text) {
    return token.map(secret -> text.replace(secret, HubToken.MASK)).orElse(text);
  }

  private byte[] received(long most) throws IOException {
    refuseEncoding();
    Pace pace = new Pace(time);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (List<ByteBuffer> part = body().next(); !part.isEmpty(); part = body().next()) {
      int before = all.size();
      for (ByteBuffer buffer : part) {
        if (all.size() + (long) buffer.remaining() > most) {
          close();
          throw new HubException(
              HubException.Kind.REFUSED,
              "%s answers with more than %s where a short text is wanted"
                  .formatted(HubText.shown(address()), HubText.bytes(most)));
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        all.writeBytes(bytes);
      }
      try {
        pace.came(all.size() - before);
      } catch (Pace.TooSlow e) {
        close();
        throw e;
      }
    }
    return all.toByteArray();
  }

  /** The body as JSON. */
  JsonElement json() throws IOException {
    String text = text(MOST_JSON);
    try (JsonReader reader = new JsonReader(new StringReader(text))) {
      reader.setStrictness(Strictness.STRICT);
      JsonElement json = JsonParser.parseReader(reader);
      if (reader.peek() == JsonToken.END_DOCUMENT) {
        return json;
      }
    } catch (JsonParseException | IOException e) {
      throw notJson(e);
    }
    throw notJson(null);
  }

  private HubException notJson(@Nullable Exception cause) {
    String message =
        "%s answers with what is not JSON; is the endpoint a hub?"
            .formatted(HubText.shown(address()));
    return cause == null
        ? new HubException(HubException.Kind.REFUSED, message)
        : new HubException(HubException.Kind.REFUSED, message, cause);
  }

  /** Refuses packed bytes, which were not asked for: lengths and ranges would mean nothing. */
  void refuseEncoding() throws HubException {
    String encoding = header("Content-Encoding").orElse("identity").strip();
    if (!encoding.equalsIgnoreCase("identity") && !encoding.isEmpty()) {
      close();
      throw new HubException(
          HubException.Kind.REFUSED,
          ("%s sends its answer packed as '%s', which was not asked for; a proxy on the way may do"
                  + " that, let it pass this host unchanged")
              .formatted(HubText.shown(address()), HubText.printable(encoding)));
    }
  }

  @Override
  public void close() {
    body().close();
  }
}
