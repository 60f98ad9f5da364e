package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.hub.HubException.Kind;
import io.github.lora4j.hub.testing.DoubleExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers in JSON that break off, drip, or are none. */
class ShortAnswersTest {

  @TempDir Path directory;
  private HubLab lab;

  @BeforeEach
  void start() throws IOException {
    lab = new HubLab(directory);
  }

  @AfterEach
  void stop() {
    lab.close();
  }

  private static boolean cut(DoubleExchange exchange) throws IOException {
    byte[] text = "[{\"type\":\"file\"}]".getBytes(StandardCharsets.UTF_8);
    return exchange.cut(200, text, text.length / 2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/revision/", "/tree/"})
  void answerThatBreaksOffIsAskedForAgain(String which) throws IOException {
    AtomicInteger left = new AtomicInteger(2);
    lab.hub.add(
        exchange -> exchange.path().contains(which) && left.getAndDecrement() > 0 && cut(exchange));

    assertThat(lab.client().modelDirectory(HubLab.ID, small -> {})).exists();
    assertThat(lab.time.pauses()).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/revision/", "/tree/"})
  void answerThatAlwaysBreaksOffIsNoAnswer(String which) {
    lab.hub.add(exchange -> exchange.path().contains(which) && cut(exchange));

    HubException failure =
        HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.UNAVAILABLE);
    assertThat(failure).hasMessageContaining(which).hasMessageContaining("no answer");
  }

  @Test
  void whatIsCachedIsUsedWhereTheAnswerBreaksOff() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    lab.hub.add(exchange -> exchange.path().contains("/revision/") && cut(exchange));

    assertThat(lab.client().modelDirectory(HubLab.ID, small -> {})).exists();
  }

  @Test
  void answerThatDripsIsGivenUp() {
    lab.hub.add(
        exchange -> {
          if (!exchange.path().contains("/revision/")) {
            return false;
          }
          OutputStream out = exchange.open(200, 0);
          for (int i = 0; i < 100_000; i++) { // until the client hangs up
            out.write(' ');
            out.flush();
          }
          return true;
        });
    lab.time.passing(Duration.ofSeconds(20));
    HubClient client = HubClient.of(lab.options().retries(0).build());

    HubException failure = HubLab.failure(() -> client.modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.UNAVAILABLE);
    assertThat(failure).hasMessageContaining("less than 1000 bytes per second");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"sha\":1}",
        "{\"sha\":null}",
        "{\"sha\":\"..\"}",
        "{\"sha\":\"/etc\"}",
        "{\"sha\":[[[[[[]]]]]]}",
        "[]",
        "null"
      })
  void commitThatIsNoneIsRefused(String answer) {
    lab.hub.add(exchange -> exchange.path().contains("/revision/") && exchange.json(200, answer));

    assertThat(HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {})).kind())
        .isEqualTo(Kind.REFUSED);
    assertThat(lab.cache.resolve("models--me--tiny/snapshots")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "1e300", "\"x\"", "{}", "9223372036854775807", "1.5e999999999"})
  void sizeThatIsNoneIsRefused(String size) throws IOException {
    lab.hub.add(
        exchange ->
            exchange.path().contains("/tree/")
                && exchange.json(
                    200,
                    "[{\"type\":\"file\",\"path\":\"a.json\",\"oid\":\"%s\",\"size\":%s}]"
                        .formatted("a".repeat(40), size)));

    HubException failure =
        HubLab.failure(() -> lab.client().snapshot(HubLab.MODEL, HubPatterns.all()));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(lab.blobs()).isEmpty();
  }

  @Test
  void packedListingIsRefused() {
    lab.hub.add(
        exchange ->
            exchange.path().contains("/tree/")
                && exchange.set("Content-Encoding", "gzip").json(200, "[]"));

    assertThat(HubLab.failure(() -> lab.client().list(HubLab.MODEL)))
        .hasMessageContaining("packed as 'gzip'");
  }
}
