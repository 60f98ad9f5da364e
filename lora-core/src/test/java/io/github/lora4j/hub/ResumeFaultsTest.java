package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.hub.HubException.Kind;
import io.github.lora4j.hub.testing.DoubleExchange;
import io.github.lora4j.hub.testing.Hashes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hosts that answer a request for the rest of a file wrongly. */
class ResumeFaultsTest {

  private static final int PART = 5000;

  @TempDir Path directory;
  private HubLab lab;

  @BeforeEach
  void startWithAPart() throws IOException {
    lab = new HubLab(directory);
    Path blobs = Files.createDirectories(lab.cache.resolve("models--me--tiny/blobs"));
    Files.write(
        blobs.resolve(Hashes.sha256(lab.weights) + ".lora4j.incomplete"),
        Arrays.copyOf(lab.weights, PART));
  }

  @AfterEach
  void stop() {
    lab.close();
  }

  private byte[] load() throws IOException {
    return Files.readAllBytes(lab.client().download(HubLab.MODEL, HubLab.WEIGHTS));
  }

  private static boolean asksForTheRest(DoubleExchange exchange) {
    return exchange.onStorageHost() && exchange.header("Range").isPresent();
  }

  private byte[] rest() {
    return Arrays.copyOfRange(lab.weights, PART, lab.weights.length);
  }

  @Test
  void restThatIsRefusedIsLoadedFromTheStart() throws IOException {
    lab.hub.add(exchange -> asksForTheRest(exchange) && exchange.bytes(416, new byte[0]));

    assertThat(load()).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("bytes=5000-", "all");
  }

  @Test
  void wholeFileInsteadOfTheRestIsTaken() throws IOException {
    lab.hub.add(exchange -> asksForTheRest(exchange) && exchange.bytes(200, lab.weights));

    assertThat(load()).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("bytes=5000-");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bytes 0-19999/20000",
        "bytes 4999-19998/20000",
        "bytes 5000-19999/30000",
        "bytes */20000",
        "lines 5000-19999/20000",
        ""
      })
  void rangeThatLiesIsNotAppended(String range) throws IOException {
    lab.hub.add(
        exchange ->
            asksForTheRest(exchange) && exchange.set("Content-Range", range).bytes(206, rest()));

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.DAMAGED);
    assertThat(lab.blobs()).isEmpty();
    assertThat(lab.pointer(HubLab.WEIGHTS)).doesNotExist();
  }

  @Test
  void partWhereNoneWasAskedForIsRefused() throws IOException {
    try (var files = Files.list(lab.cache.resolve("models--me--tiny/blobs"))) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    lab.hub.add(
        exchange ->
            exchange.onStorageHost()
                && exchange.set("Content-Range", "bytes 0-19999/20000").bytes(206, lab.weights));

    assertThat(HubLab.failure(this::load).kind()).isEqualTo(Kind.DAMAGED);
    assertThat(lab.blobs()).isEmpty();
  }

  /** A range of right numbers over other bytes: only the hash can tell, and does. */
  @Test
  void restOfOtherContentIsLoadedAnew() throws IOException {
    lab.hub.add(
        exchange ->
            asksForTheRest(exchange)
                && exchange
                    .set("Content-Range", "bytes 5000-19999/20000")
                    .bytes(206, new byte[15_000]));

    assertThat(load()).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("bytes=5000-", "all");
  }

  @Test
  void partThatIsTooLongIsLoadedAnew() throws IOException {
    Path part =
        lab.cache
            .resolve("models--me--tiny/blobs")
            .resolve(Hashes.sha256(lab.weights) + ".lora4j.incomplete");
    Files.write(part, new byte[50_000]);

    assertThat(load()).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("all");
  }

  @Test
  void partThatIsWholeIsOnlyChecked() throws IOException {
    Path part =
        lab.cache
            .resolve("models--me--tiny/blobs")
            .resolve(Hashes.sha256(lab.weights) + ".lora4j.incomplete");
    Files.write(part, lab.weights);

    assertThat(load()).isEqualTo(lab.weights);
    assertThat(lab.ranges()).isEmpty();
  }
}
