package io.github.lora4j.hub;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.hub.HubException.Kind;
import io.github.lora4j.hub.testing.DoubleRoute;
import io.github.lora4j.hub.testing.Hashes;
import io.github.lora4j.hub.testing.Ranges;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DownloadFaultsTest {

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

  private Path load() throws IOException {
    return lab.client().download(HubLab.MODEL, HubLab.WEIGHTS);
  }

  private void assertNothingVisible() throws IOException {
    assertThat(lab.blobs()).isEmpty();
    assertThat(lab.pointer(HubLab.WEIGHTS)).doesNotExist();
  }

  private Path incomplete() {
    return lab.cache
        .resolve("models--me--tiny/blobs")
        .resolve(Hashes.sha256(lab.weights) + ".lora4j.incomplete");
  }

  /** Answers for the storage host. */
  private void storage(DoubleRoute route) {
    lab.hub.add(
        exchange ->
            exchange.onStorageHost() && exchange.method().equals("GET") && route.answer(exchange));
  }

  /** Announces what was asked for and hangs up at a byte of the file. */
  private boolean cutAt(int end, io.github.lora4j.hub.testing.DoubleExchange exchange)
      throws IOException {
    int from = Ranges.start(exchange);
    byte[] rest = Arrays.copyOfRange(lab.weights, from, lab.weights.length);
    exchange.set(
        "Content-Range",
        "bytes %d-%d/%d".formatted(from, lab.weights.length - 1, lab.weights.length));
    return exchange.cut(from == 0 ? 200 : 206, rest, Math.max(0, end - from));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void downloadThatIsCutAtATenthGoesOnThere(int tenth) throws IOException {
    int cut = lab.weights.length * tenth / 10;
    AtomicInteger asked = new AtomicInteger();
    storage(exchange -> asked.getAndIncrement() == 0 && cutAt(cut, exchange));

    Path file = load();

    assertThat(Files.readAllBytes(file)).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("all", cut == 0 ? "all" : "bytes=" + cut + "-");
  }

  @Test
  void downloadThatIsCutAtEveryTenthStillEnds() throws IOException {
    int tenth = lab.weights.length / 10;
    storage(exchange -> cutAt(Ranges.start(exchange) + tenth, exchange));

    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
    assertThat(lab.ranges()).hasSize(10);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 9})
  void anotherClientGoesOnWhereTheFirstStopped(int tenth) throws IOException {
    int cut = lab.weights.length * tenth / 10;
    DoubleRoute fault = exchange -> exchange.onStorageHost() && cutAt(cut, exchange);
    lab.hub.add(fault);
    HubClient once = HubClient.of(lab.options().retries(0).build());

    HubException failure = HubLab.failure(() -> once.download(HubLab.MODEL, HubLab.WEIGHTS));

    assertThat(failure.kind()).isEqualTo(Kind.UNAVAILABLE);
    assertNothingVisible();
    assertThat(incomplete()).hasSize(cut);
    lab.hub.remove(fault);
    lab.hub.forgetRequests();
    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("bytes=" + cut + "-");
    assertThat(incomplete()).doesNotExist();
  }

  @Test
  void partThatAnOlderToolLeftIsGoneOnWith() throws IOException {
    Path left = incomplete().resolveSibling(Hashes.sha256(lab.weights) + ".incomplete");
    Files.createDirectories(left.getParent());
    Files.write(left, Arrays.copyOf(lab.weights, 5000));

    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("bytes=5000-");
  }

  @Test
  void wrongPartThatWasLeftIsLoadedAnew() throws IOException {
    Files.createDirectories(incomplete().getParent());
    Files.write(incomplete(), new byte[5000]);

    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("bytes=5000-", "all");
  }

  @Test
  void hostThatIgnoresRangesIsReadFromTheStart() throws IOException {
    Files.createDirectories(incomplete().getParent());
    Files.write(incomplete(), Arrays.copyOf(lab.weights, 5000));
    storage(exchange -> exchange.bytes(200, lab.weights));

    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
  }

  @Test
  void wrongBytesOfTheRightLengthNeverBecomeVisible() throws IOException {
    byte[] wrong = lab.weights.clone();
    wrong[wrong.length / 2] ^= 1;
    storage(exchange -> exchange.bytes(200, wrong));

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.DAMAGED);
    assertNothingVisible();
    assertThat(incomplete()).isEmptyFile();
  }

  @Test
  void wrongBytesOfASmallFileNeverBecomeVisible() throws IOException {
    lab.hub.add(
        exchange ->
            exchange.method().equals("GET")
                && exchange.path().contains("resolve-cache")
                && exchange.bytes(200, "{\"model_type\":\"gloom\"}".getBytes(UTF_8)));

    HubException failure = HubLab.failure(() -> lab.client().download(HubLab.MODEL, "config.json"));

    assertThat(failure.kind()).isEqualTo(Kind.DAMAGED);
    assertThat(lab.blobs()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10, 19_999, 20_001, 50_000})
  void wrongLengthIsRefused(int length) throws IOException {
    storage(exchange -> exchange.bytes(200, Arrays.copyOf(lab.weights, length)));

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.DAMAGED);
    assertNothingVisible();
  }

  @Test
  void moreBytesThanAnnouncedByTheHubAreRefusedEvenWithoutALength() throws IOException {
    storage(
        exchange -> {
          try (OutputStream out = exchange.open(200, 0)) { // 0: in chunks, without a length
            out.write(lab.weights);
            out.write(1);
          }
          return true;
        });

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.DAMAGED);
    assertNothingVisible();
  }

  @ParameterizedTest
  @ValueSource(ints = {429, 503})
  void burstWithinADownloadIsWaitedFor(int status) throws IOException {
    AtomicInteger left = new AtomicInteger(3);
    storage(
        exchange ->
            left.getAndDecrement() > 0
                && exchange.set("Retry-After", "2").json(status, "{\"error\":\"busy\"}"));

    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
    assertThat(lab.time.pauses()).containsOnly(Duration.ofSeconds(2)).hasSize(3);
  }

  @Test
  void redirectLoopBehindAFileEnds() throws IOException {
    storage(exchange -> exchange.redirect(302, "/round/" + System.nanoTime()));

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertNothingVisible();
  }

  @Test
  void storageThatAsksForTheTokenDoesNotGetIt() {
    storage(
        exchange ->
            exchange
                .set("WWW-Authenticate", "Basic realm=\"x\"")
                .json(401, "{\"error\":\"who?\"}"));
    HubClient client = HubClient.of(lab.options().token(HubLab.TOKEN).build());

    HubException failure = HubLab.failure(() -> client.download(HubLab.MODEL, HubLab.WEIGHTS));

    assertThat(failure.kind()).isEqualTo(Kind.FORBIDDEN);
    assertThat(lab.hub.requests())
        .filteredOn(request -> request.host().equals("storage"))
        .isNotEmpty()
        .allSatisfy(request -> assertThat(request.header("authorization")).isEmpty());
  }

  @Test
  void gatedSaysWhereToAsk() {
    lab.repository.makeGated();

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.GATED);
    assertThat(failure)
        .hasMessageContaining(lab.hub.endpoint() + "/me/tiny")
        .hasMessageContaining("none set");
  }

  @Test
  void gatedIsGivenToWhoMay() throws IOException {
    lab.repository.makeGated();
    HubClient client = HubClient.of(lab.options().token(HubLab.TOKEN).build());

    assertThat(client.download(HubLab.MODEL, HubLab.WEIGHTS)).exists();
    assertThat(client.modelDirectory(HubLab.ID, small -> {})).exists();
  }

  @Test
  void unknownTokenIsUnauthorised() {
    lab.hub.add(
        exchange ->
            exchange.header("Authorization").isPresent()
                && exchange.refuse(401, "", "Invalid credentials in Authorization header"));
    HubClient client = HubClient.of(lab.options().token("hf_old").build());

    HubException failure = HubLab.failure(() -> client.modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.UNAUTHORISED);
    assertThat(failure).hasMessageContaining("/settings/tokens").hasMessageContaining("HubOptions");
    assertThat(failure.getMessage()).doesNotContain("hf_old");
  }

  @Test
  void privateAndMissingRepositoriesLookAlike() {
    lab.repository.makePrivate();

    for (String id : new String[] {HubLab.ID, "me/none"}) {
      HubException failure = HubLab.failure(() -> lab.client().modelDirectory(id, small -> {}));
      assertThat(failure.kind()).isEqualTo(Kind.REPOSITORY_NOT_FOUND);
      assertThat(failure).hasMessageContaining("there is no directory '" + id + "'");
    }
  }

  @Test
  void missingRevisionIsNamed() {
    HubClient client = HubClient.of(lab.options().revision("v9").build());

    HubException failure = HubLab.failure(() -> client.modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.REVISION_NOT_FOUND);
    assertThat(failure).hasMessageContaining("'v9'");
  }

  @Test
  void silentHostIsGivenUp() throws IOException {
    CountDownLatch end = new CountDownLatch(1);
    storage(
        exchange -> {
          OutputStream out = exchange.open(200, lab.weights.length);
          out.write(lab.weights, 0, 100);
          out.flush();
          awaitQuietly(end);
          return true;
        });
    HubClient client =
        HubClient.of(lab.options().retries(0).timeout(Duration.ofMillis(300)).build());

    HubException failure = HubLab.failure(() -> client.download(HubLab.MODEL, HubLab.WEIGHTS));

    end.countDown();
    assertThat(failure.kind()).isEqualTo(Kind.UNAVAILABLE);
    assertThat(failure).hasMessageContaining("300 ms");
    assertNothingVisible();
  }

  @Test
  void slowDripIsGivenUpAfterItsWindow() throws IOException {
    Semaphore turns = new Semaphore(1);
    storage(
        exchange -> {
          OutputStream out = exchange.open(200, lab.weights.length);
          for (byte one : lab.weights) {
            turns.acquireUninterruptibly();
            out.write(one);
            out.flush();
          }
          return true;
        });
    lab.time.passing(Duration.ofSeconds(1)); // at each look at the clock, one or two a byte
    HubClient client =
        HubClient.of(lab.options().retries(0).progress(state -> turns.release()).build());

    HubException failure = HubLab.failure(() -> client.download(HubLab.MODEL, HubLab.WEIGHTS));

    turns.release(lab.weights.length);
    assertThat(failure.kind()).isEqualTo(Kind.UNAVAILABLE);
    assertThat(failure).hasMessageContaining("less than 1000 bytes per second");
    assertNothingVisible();
  }

  @Test
  void packedAnswerIsRefused() throws IOException {
    storage(exchange -> exchange.set("Content-Encoding", "gzip").bytes(200, lab.weights));

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure).hasMessageContaining("packed as 'gzip'");
    assertThat(lab.hub.requests())
        .allSatisfy(r -> assertThat(r.header("accept-encoding")).contains("identity"));
    assertNothingVisible();
  }

  @Test
  void interruptedDownloadLeavesItsPartAndNothingVisible() throws Exception {
    CountDownLatch half = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    storage(
        exchange -> {
          OutputStream out = exchange.open(200, lab.weights.length);
          out.write(lab.weights, 0, 10_000);
          out.flush();
          awaitQuietly(end);
          return true;
        });
    HubClient client =
        HubClient.of(
            lab.options()
                .progress(
                    state -> {
                      if (state.bytes() == 10_000) {
                        half.countDown();
                      }
                    })
                .build());
    lab.time.passing(Duration.ofMillis(200)); // so that every chunk is told of
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread loading =
        new Thread(
            () -> {
              try {
                client.modelDirectory(HubLab.ID, small -> {});
              } catch (Exception e) {
                thrown.set(e);
              }
            });
    loading.start();
    half.await();

    loading.interrupt();
    loading.join();

    end.countDown();
    assertThat(thrown.get()).isInstanceOf(InterruptedIOException.class);
    assertThat(lab.pointer(HubLab.WEIGHTS)).doesNotExist();
    assertThat(incomplete()).hasSize(10_000);
  }

  @Test
  void listenerThatThrowsCancelsTheDownload() throws IOException {
    HubClient client =
        HubClient.of(
            lab.options()
                .progress(
                    state -> {
                      throw new IllegalStateException("enough");
                    })
                .build());

    assertThatThrownBy(() -> client.download(HubLab.MODEL, HubLab.WEIGHTS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("enough");
    assertNothingVisible();
  }

  @Test
  void failureOfOneFileEndsTheOthers() throws IOException {
    CountDownLatch end = new CountDownLatch(1);
    lab.repository.commit("model-1.safetensors", HubLab.bytes(300, 1));
    lab.repository.commit("model-2.safetensors", HubLab.bytes(300, 2));
    lab.repository.commitText(
        Map.of(
            ModelFiles.INDEX,
            "{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}"));
    String stuck = Hashes.sha256(HubLab.bytes(300, 1));
    storage(
        exchange -> {
          if (!exchange.path().contains(stuck)) {
            return exchange.json(404, "{}");
          }
          exchange.open(200, 300).flush();
          awaitQuietly(end);
          return true;
        });

    HubException failure =
        HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {}));

    end.countDown();
    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure).hasMessageContaining("status 404");
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the double is being closed
    }
  }
}
