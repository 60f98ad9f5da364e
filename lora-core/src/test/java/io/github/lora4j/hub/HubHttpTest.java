package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.hub.testing.HubDouble;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HubHttpTest {

  private static final String TOKEN = "hf_neverToBeSeen";

  private final FakeTime time = new FakeTime();
  private HubDouble hub;

  @BeforeEach
  void start() throws IOException {
    hub = HubDouble.start();
  }

  @AfterEach
  void stop() {
    assertThat(hub.failures()).isEmpty();
    hub.close();
  }

  private HubOptions.Builder options() {
    return time.in(HubOptions.builder(Map.of()).endpoint(hub.endpoint()).token(TOKEN));
  }

  private HubHttp http() {
    return new HubHttp(options().build());
  }

  private static HubSubject subject() {
    return HubSubject.of(HubRepository.model("me/x")).at("main").file("config.json");
  }

  @Test
  void tokenGoesToTheEndpoint() throws IOException {
    HubHttp http = http();

    try (HubReply reply = http.send(HubRequest.get(http.address("/api/whoami-v2")))) {
      assertThat(reply.status()).isEqualTo(401); // the double does not know it
    }

    assertThat(hub.requests().get(0).header("authorization")).contains("Bearer " + TOKEN);
  }

  @Test
  void tokenIsDroppedOnAnotherHostAndNotPickedUpAgain() throws IOException {
    hub.add(
        exchange ->
            exchange.path().equals("/there")
                && exchange.redirect(302, hub.storage() + "/and-back"));
    hub.add(
        exchange ->
            exchange.path().equals("/and-back")
                && exchange.redirect(302, hub.endpoint() + "/home"));
    HubHttp http = http();

    http.send(HubRequest.get(http.address("/there"))).close();

    assertThat(hub.requests())
        .extracting(request -> request.path() + " " + request.header("authorization").isPresent())
        .containsExactly("/there true", "/and-back false", "/home false");
  }

  @Test
  void anotherHostThatAsksForTheTokenDoesNotGetIt() throws IOException {
    hub.add(
        exchange ->
            exchange.path().equals("/there") && exchange.redirect(302, hub.storage() + "/ask"));
    hub.add(
        exchange ->
            exchange.path().equals("/ask")
                && exchange.set("WWW-Authenticate", "Bearer").json(401, "{\"error\":\"token?\"}"));
    HubHttp http = http();

    HubReply reply = http.send(HubRequest.get(http.address("/there")));
    HubException failure = http.failures().of(reply, subject());

    assertThat(failure.kind()).isEqualTo(HubException.Kind.FORBIDDEN);
    assertThat(failure).hasMessageContaining("it is not given the token");
    assertThat(hub.requests()).extracting(request -> request.path()).containsOnlyOnce("/ask");
    assertThat(hub.requests().get(1).header("authorization")).isEmpty();
  }

  @Test
  void redirectsInACircleEnd() {
    hub.add(exchange -> exchange.redirect(302, "/round"));
    HubHttp http = http();

    assertThatThrownBy(() -> http.send(HubRequest.get(http.address("/round"))))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("from redirect to redirect");
    assertThat(hub.requests()).hasSize(HubHttp.MOST_REDIRECTS + 1);
  }

  @Test
  void burstOf429IsWaitedForAsLongAsTheHubAsks() throws IOException {
    AtomicInteger left = new AtomicInteger(3);
    hub.add(
        exchange ->
            left.getAndDecrement() > 0
                && exchange.set("Retry-After", "7").json(429, "{\"error\":\"slow down\"}"));
    hub.add(exchange -> left.get() <= 0 && exchange.json(200, "{}"));
    HubHttp http = http();

    HubReply reply = http.send(HubRequest.get(http.address("/busy")));

    assertThat(reply.status()).isEqualTo(200);
    assertThat(time.pauses()).containsOnly(Duration.ofSeconds(7)).hasSize(3);
    reply.close();
  }

  @Test
  void burstOf503WithADateIsWaitedForUntilThen() throws IOException {
    AtomicInteger left = new AtomicInteger(1);
    hub.add(
        exchange ->
            left.getAndDecrement() > 0
                && exchange
                    .set("Retry-After", "Thu, 01 Jan 2026 00:00:30 GMT")
                    .json(503, "{\"error\":\"away\"}"));
    hub.add(exchange -> left.get() <= 0 && exchange.json(200, "{}"));
    HubHttp http = http();

    http.send(HubRequest.get(http.address("/away"))).close();

    assertThat(time.pauses()).containsExactly(Duration.ofSeconds(30));
  }

  @Test
  void withoutRetryAfterTheWaitDoublesUpToEightSeconds() {
    hub.add(exchange -> exchange.json(500, "{}"));
    HubHttp http = http();

    assertThatThrownBy(() -> http.send(HubRequest.get(http.address("/broken"))))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(HubException.Kind.UNAVAILABLE));
    assertThat(time.pauses()).extracting(Duration::toSeconds).containsExactly(1L, 2L, 4L, 8L, 8L);
  }

  @Test
  void rateLimitThatLastsTooLongIsSaidAtOnce() {
    hub.add(exchange -> exchange.set("Retry-After", "3600").json(429, "{\"error\":\"no\"}"));
    HubHttp http = http();

    assertThatThrownBy(() -> http.send(HubRequest.get(http.address("/busy"))))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(HubException.Kind.RATE_LIMITED))
        .hasMessageContaining("3600 s");
    assertThat(time.pauses()).isEmpty();
  }

  @Test
  void whatMustNotHappenTwiceIsNotRepeated() {
    hub.add(exchange -> exchange.json(503, "{}"));
    HubHttp http = http();

    assertThatThrownBy(
            () ->
                http.send(
                    HubRequest.post(http.address("/commit"), "application/json", "{}").once()))
        .isInstanceOf(HubException.class);
    assertThat(hub.requests()).hasSize(1);
  }

  @Test
  void nothingIsSentWhenOffline() {
    HubHttp http = new HubHttp(options().offline(true).build());

    assertThatThrownBy(() -> http.send(HubRequest.get(http.address("/api/whoami-v2"))))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(HubException.Kind.OFFLINE));
    assertThat(hub.requests()).isEmpty();
  }

  @Test
  void echoedTokenIsNotRepeatedInMessages() throws IOException {
    hub.add(
        exchange ->
            exchange.refuse(
                401, "", "no access for " + exchange.header("Authorization").orElse("nobody")));
    HubHttp http = http();

    HubReply reply = http.send(HubRequest.get(http.address("/api/whoami-v2")));
    HubException failure = http.failures().of(reply, subject());

    assertThat(failure.toString()).contains("no access for Bearer <token>").doesNotContain(TOKEN);
    assertThat(options().build().toString()).doesNotContain(TOKEN);
  }

  @Test
  void hostThatCannotBeReachedIsSaid() {
    HubHttp http =
        new HubHttp(options().endpoint(URI.create("http://127.0.0.1:9")).retries(1).build());

    assertThatThrownBy(() -> http.send(HubRequest.get(http.address("/api/whoami-v2"))))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(HubException.Kind.UNAVAILABLE))
        .hasMessageContaining("no answer");
    assertThat(time.pauses()).hasSize(1);
  }
}
