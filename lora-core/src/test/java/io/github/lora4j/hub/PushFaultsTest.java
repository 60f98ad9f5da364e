package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.gson.JsonParser;
import io.github.lora4j.hub.HubException.Kind;
import io.github.lora4j.hub.PushOptions.Creation;
import io.github.lora4j.hub.testing.DoubleExchange;
import io.github.lora4j.hub.testing.DoubleFile;
import io.github.lora4j.hub.testing.DoubleRoute;
import io.github.lora4j.hub.testing.Hashes;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What may happen to a push, and what its user is told. */
class PushFaultsTest {

  @TempDir Path directory;
  private PushLab lab;
  private Map<String, byte[]> local = Map.of();

  @BeforeEach
  void start() throws IOException {
    lab = new PushLab(directory, Long.MAX_VALUE);
    local = lab.local();
  }

  /** Whatever happened, the files are still here. */
  @AfterEach
  void stop() throws IOException {
    assertThat(lab.local()).containsExactlyInAnyOrderEntriesOf(local);
    assertThat(lab.hub.failures()).isEmpty();
    lab.close();
  }

  /** A push that fails; it says where the files are, and never the token. */
  private HubException failed(HubOptions options, PushOptions push) {
    HubException failure =
        catchThrowableOfType(HubException.class, () -> lab.push("me/squad", options, push));
    StringWriter trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace));
    assertThat(trace.toString()).doesNotContain(PushLab.TOKEN);
    assertThat(failure)
        .hasMessageContaining("the files are in '" + directory + "'")
        .hasMessageContaining("PushAdapter '" + directory + "' me/squad");
    return failure;
  }

  private HubException failed() {
    return failed(lab.options().build(), PushOptions.defaults());
  }

  /** Puts a fault before requests of a method on paths of a pattern. */
  private void fault(String pattern, DoubleRoute fault) {
    lab.hub.add(
        exchange ->
            (exchange.method() + " " + exchange.path()).matches(pattern) && fault.answer(exchange));
  }

  /** The first times only. */
  private static DoubleRoute first(int times, DoubleRoute fault) {
    AtomicInteger left = new AtomicInteger(times);
    return exchange -> left.getAndDecrement() > 0 && fault.answer(exchange);
  }

  private static boolean echoToken(DoubleExchange exchange, int status) throws IOException {
    return exchange.refuse(
        status, "", "no: " + exchange.header("Authorization").orElse("anonymous"));
  }

  private static boolean hangUp() throws IOException {
    throw new IOException("hangs up in the middle of the file");
  }

  @Test
  void tokenThatTheHubDoesNotKnowIsRefused() {
    HubException failure =
        failed(lab.options().token("hf_neverToBeSeenEither").build(), PushOptions.defaults());

    assertThat(failure.kind()).isEqualTo(Kind.UNAUTHORISED);
    assertThat(failure)
        .hasMessageContaining("nothing was committed")
        .hasMessageNotContaining("hf_neverToBeSeenEither");
  }

  @Test
  void withoutATokenNothingIsSent() {
    HubException failure = failed(lab.options().anonymous().build(), PushOptions.defaults());

    assertThat(failure.kind()).isEqualTo(Kind.UNAUTHORISED);
    assertThat(failure).hasMessageContaining("needs a token that may write");
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void offlineNothingIsSent() {
    HubException failure = failed(lab.options().offline(true).build(), PushOptions.defaults());

    assertThat(failure.kind()).isEqualTo(Kind.OFFLINE);
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void missingRepositoryIsNotMadeUnlessAskedFor() {
    HubException failure =
        failed(lab.options().build(), PushOptions.builder().creation(Creation.NONE).build());

    assertThat(failure.kind()).isEqualTo(Kind.REPOSITORY_NOT_FOUND);
    assertThat(lab.hub.store().find("models", "me/squad")).isEmpty();
  }

  @Test
  void namespaceOfSomebodyElseIsRefused() {
    assertThatThrownBy(() -> lab.push("you/squad", lab.options().build(), PushOptions.defaults()))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FORBIDDEN))
        .hasMessageContaining("You don't have the rights to create under you");
    assertThat(lab.hub.store().find("models", "you/squad")).isEmpty();
  }

  @Test
  void whoMayNotCreateMayPushToWhatIsThere() throws IOException {
    lab.hub.store().model("me/squad").commitText(Map.of("notes.txt", "mine"));
    fault(".*/api/repos/create", exchange -> echoToken(exchange, 403));

    assertThat(lab.push(PushOptions.defaults()).changed()).isTrue();
  }

  @Test
  void repositoryOfAnotherVisibilityIsNotPushedTo() {
    lab.hub.store().model("me/squad").commitText(Map.of("notes.txt", "mine"));

    HubException failure =
        failed(lab.options().build(), PushOptions.builder().creation(Creation.PRIVATE).build());

    assertThat(failure.kind()).isEqualTo(Kind.CONFLICT);
    assertThat(failure).hasMessageContaining("exists already and is public, wanted it private");
    assertThat(lab.at("main")).containsOnlyKeys("notes.txt");
  }

  @Test
  void anotherCreationOfTheSameOwnerIsWaitedFor() throws IOException {
    fault(
        ".*/api/repos/create",
        first(
            2,
            exchange ->
                exchange.refuse(
                    409, "", "Cannot create repo: another conflicting operation is in progress")));

    assertThat(lab.push(PushOptions.defaults()).changed()).isTrue();
    assertThat(lab.time.pauses()).containsExactly(Duration.ofSeconds(1), Duration.ofSeconds(2));
  }

  @ParameterizedTest
  @CsvSource({
    "GET .*/whoami-v2, 429",
    "GET .*/whoami-v2, 503",
    "POST .*/repos/create, 429",
    "POST .*/repos/create, 503",
    "POST .*/validate-yaml, 429",
    "POST .*/validate-yaml, 503",
    "POST .*/preupload/.*, 429",
    "POST .*/preupload/.*, 503",
    "POST .*/objects/batch, 429",
    "POST .*/objects/batch, 503",
    "PUT .*, 429",
    "PUT .*, 503",
    "PUT .*, 500",
    "POST .*/verify, 429",
    "POST .*/verify, 503",
    "POST .*/commit/.*, 429",
    "POST .*/commit/.*, 503",
    "POST .*/commit/.*, 504"
  })
  void burstIsWaitedForAtEveryStage(String stage, int status) throws IOException {
    fault(
        stage,
        first(
            3,
            exchange -> {
              exchange.body(); // else the client may see a reset before the answer
              return exchange.set("Retry-After", "2").json(status, "{}");
            }));

    HubCommit commit = lab.push("squad", lab.options().build(), PushOptions.defaults());

    assertThat(lab.at("main")).containsExactlyInAnyOrderEntriesOf(local);
    assertThat(lab.repository().resolve("main")).contains(commit.id());
    assertThat(lab.time.pauses()).hasSize(3);
  }

  @ParameterizedTest
  @CsvSource({
    "POST .*/repos/create",
    "POST .*/preupload/.*",
    "POST .*/objects/batch",
    "PUT .*",
    "POST .*/verify",
    "POST .*/commit/.*"
  })
  void troubleThatLastsLeavesNoCommit(String stage) {
    fault(stage, exchange -> exchange.json(503, "{}"));

    HubException failure = failed();

    assertThat(failure.kind()).isEqualTo(Kind.UNAVAILABLE);
    if (stage.contains("commit")) {
      assertThat(failure)
          .hasMessageContaining("whether the commit was made is not known, see")
          .hasMessageContaining("/me/squad/commits/main");
    } else {
      assertThat(failure).hasMessageContaining("nothing was committed");
    }
    lab.hub
        .store()
        .find("models", "me/squad")
        .ifPresent(repository -> assertThat(lab.at("main")).isEmpty());
  }

  @Test
  void rateLimitOfHoursIsSaidAtOnce() {
    fault("POST .*/commit/.*", exchange -> exchange.set("Retry-After", "7200").json(429, "{}"));

    HubException failure = failed();

    assertThat(failure.kind()).isEqualTo(Kind.RATE_LIMITED);
    assertThat(failure)
        .hasMessageContaining("7200 s")
        .hasMessageContaining("nothing was committed");
    assertThat(lab.time.pauses()).isEmpty();
  }

  @Test
  void uploadThatIsCutIsSentAgain() throws IOException {
    Files.write(directory.resolve("adapter_model.safetensors"), new byte[5_000_000]);
    local = lab.local();
    fault("PUT .*", first(3, exchange -> hangUp()));

    lab.push(PushOptions.defaults());

    assertThat(lab.at("main")).containsExactlyInAnyOrderEntriesOf(local);
  }

  @Test
  void partThatIsCutIsSentAgainAlone() throws IOException {
    lab.close();
    lab = new PushLab(directory, 40_000);
    lab.hub.add(
        first(
            1,
            exchange ->
                exchange.parameter("partNumber").filter("2"::equals).isPresent() && hangUp()));

    lab.push(PushOptions.defaults());

    assertThat(lab.at("main")).containsExactlyInAnyOrderEntriesOf(local);
  }

  @Test
  void partWithoutAReceiptIsNoPart() throws IOException {
    lab.close();
    lab = new PushLab(directory, 40_000);
    lab.hub.add(
        exchange -> exchange.method().equals("PUT") && exchange.bytes(200, exchange.body()));

    HubException failure = failed();

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure).hasMessageContaining("gives no ETag for a part");
  }

  @Test
  void storeThatAsksForTheTokenDoesNotGetIt() {
    fault(
        "PUT .*",
        exchange -> {
          exchange.body(); // else the client may see a reset before the answer
          return exchange.set("WWW-Authenticate", "Bearer").json(401, "{\"error\":\"token?\"}");
        });

    HubException failure = failed();

    assertThat(failure.kind()).isEqualTo(Kind.FORBIDDEN);
    assertThat(failure).hasMessageContaining("it is not given the token");
    assertThat(lab.hub.requests())
        .filteredOn(request -> request.host().equals("storage"))
        .hasSize(1)
        .allMatch(request -> request.header("authorization").isEmpty());
  }

  @Test
  void verificationThatFailsLeavesNoCommit() {
    fault("POST .*/verify", exchange -> exchange.refuse(404, "", "Object does not exist"));

    HubException failure = failed();

    assertThat(failure)
        .hasMessageContaining(
            "file 'adapter_model.safetensors': the hub's store does not find it as it was sent"
                + " (\"Object does not exist\")")
        .hasMessageContaining("nothing was committed");
    assertThat(lab.at("main")).isEmpty();
  }

  @Test
  void fileThatTheStoreDoesNotTakeIsSaid() {
    fault(
        "POST .*/objects/batch",
        exchange -> {
          String oid =
              JsonParser.parseString(new String(exchange.body(), StandardCharsets.UTF_8))
                  .getAsJsonObject()
                  .getAsJsonArray("objects")
                  .get(0)
                  .getAsJsonObject()
                  .get("oid")
                  .getAsString();
          return exchange.json(
              200,
              "{\"objects\":[{\"oid\":\"%s\",\"size\":1,\"error\":{\"code\":413,\"message\":\"quota\"}}]}"
                  .formatted(oid));
        });

    assertThat(failed())
        .hasMessageContaining(
            "file 'adapter_model.safetensors': the hub's store does not take it: quota");
  }

  @ParameterizedTest
  @CsvSource({
    "file:///etc/passwd",
    "gopher://localhost/x",
    "http://me:secret@localhost/put",
    "no address"
  })
  void storeAtNoWebAddressIsNotSentTo(String href) {
    fault(
        "POST .*/objects/batch",
        exchange -> {
          String oid = Hashes.sha256(lab.weights);
          return exchange.json(
              200,
              "{\"objects\":[{\"oid\":\"%s\",\"size\":1,\"actions\":{\"upload\":{\"href\":\"%s\"}}}]}"
                  .formatted(oid, href));
        });

    assertThat(failed().kind()).isEqualTo(Kind.REFUSED);
  }

  @Test
  void somebodyElsesCommitInBetweenIsAConflict() throws IOException {
    String parent = lab.push(PushOptions.defaults()).id();
    lab.repository().commitText(Map.of("notes.txt", "theirs"));
    Files.writeString(directory.resolve("adapter_config.json"), "{}");
    local = lab.local();

    HubException failure =
        failed(lab.options().build(), PushOptions.builder().parentCommit(parent).build());

    assertThat(failure.kind()).isEqualTo(Kind.CONFLICT);
    assertThat(failure)
        .hasMessageContaining("A commit has happened since")
        .hasMessageContaining("nothing was committed");
    assertThat(lab.at("main")).containsKey("notes.txt");
  }

  @Test
  void commitWhoseAnswerIsLostIsNotMadeTwice() throws IOException {
    lab.push(PushOptions.defaults());
    Files.writeString(directory.resolve("adapter_config.json"), "{}");
    local = lab.local();
    AtomicInteger commits = new AtomicInteger();
    lab.hub.add(
        exchange -> {
          if (!exchange.path().contains("/commit/") || commits.getAndIncrement() > 0) {
            return false;
          }
          lab.repository()
              .commit(
                  "main",
                  "Upload with lora4j",
                  Map.of(
                      "adapter_config.json",
                      DoubleFile.small("{}".getBytes(StandardCharsets.UTF_8))),
                  Set.of());
          exchange.body();
          return exchange.cut(200, new byte[10], 0); // made, but its answer never arrives
        });

    HubCommit commit = lab.push(PushOptions.defaults());

    assertThat(commits).hasValue(1);
    assertThat(commit.changed()).isTrue();
    assertThat(lab.repository().resolve("main")).contains(commit.id());
    assertThat(lab.at("main")).containsExactlyInAnyOrderEntriesOf(local);
  }

  @Test
  void pullRequestWhoseAnswerIsLostIsNotOpenedTwice() {
    lab.hub.store().model("me/squad").commitText(Map.of("notes.txt", "mine"));
    AtomicInteger commits = new AtomicInteger();
    fault(
        "POST .*/commit/.*",
        exchange -> {
          commits.incrementAndGet();
          return exchange.cut(200, new byte[10], 0);
        });

    HubException failure =
        failed(lab.options().build(), PushOptions.builder().pullRequest(true).build());

    assertThat(commits).hasValue(1);
    assertThat(failure).hasMessageContaining("whether the commit was made is not known");
  }

  @Test
  void fileThatTheRepositoryIgnoresIsSaid() {
    lab.hub.store().model("me/squad").commitText(Map.of(".gitignore", "adapter_config.json\n"));

    HubException failure = failed();

    assertThat(failure.kind()).isEqualTo(Kind.CONFLICT);
    assertThat(failure)
        .hasMessageContaining("the .gitignore of 'me/squad' leaves out 'adapter_config.json'");
  }

  @Test
  void cardThatTheHubRefusesIsSaidBeforeAnythingIsSent() throws IOException {
    Files.writeString(directory.resolve("README.md"), "---\nbase_model: /models/bloom\n---\n");
    local = lab.local();

    HubException failure = failed();

    assertThat(failure)
        .hasMessageContaining("does not accept the front matter of README.md")
        .hasMessageContaining("\"/models/bloom\" is not valid");
    assertThat(lab.requests()).noneMatch(request -> request.contains("/preupload/"));
  }

  @Test
  void hubThatCannotCheckCardsIsPushedTo() throws IOException {
    fault("POST .*/validate-yaml", exchange -> exchange.json(404, "{}"));

    assertThat(lab.push(PushOptions.defaults()).changed()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "POST .*/preupload/.* | {}",
        "POST .*/preupload/.* | []",
        "POST .*/preupload/.* | {\"files\": []}",
        "POST .*/preupload/.* | {\"files\": [{\"path\": \"adapter_config.json\", \"uploadMode\": \"fax\"}]}",
        "POST .*/preupload/.* | <html>",
        "POST .*/objects/batch | {\"objects\": []}",
        "POST .*/objects/batch | {\"objects\": [1]}",
        "POST .*/commit/.* | {}",
        "POST .*/commit/.* | {\"commitOid\": \"../../etc\"}"
      })
  void answerThatBreaksTheProtocolIsRefused(String stage, String answer) {
    fault(stage, exchange -> exchange.json(200, answer));

    assertThat(failed().kind()).isEqualTo(Kind.REFUSED);
  }

  @Test
  void uploadThatStandsStillIsGivenUp() throws IOException {
    Files.write(directory.resolve("adapter_model.safetensors"), new byte[20_000_000]);
    local = lab.local();
    CountDownLatch over = new CountDownLatch(1);
    fault(
        "PUT .*",
        exchange -> {
          try {
            over.await(); // reads nothing of what is sent
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return exchange.json(500, "{}");
        });

    HubException failure =
        failed(
            lab.options().timeout(Duration.ofMillis(50)).retries(0).build(),
            PushOptions.defaults());
    over.countDown();

    assertThat(failure.kind()).isEqualTo(Kind.UNAVAILABLE);
    assertThat(failure).hasMessageContaining("nothing moved for 300 ms");
  }

  @Test
  void interruptEndsThePushAndSaysWhereTheFilesAre() throws Exception {
    CountDownLatch sending = new CountDownLatch(1);
    CountDownLatch over = new CountDownLatch(1);
    fault(
        "PUT .*",
        exchange -> {
          sending.countDown();
          try {
            over.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return exchange.json(500, "{}");
        });
    FutureTask<HubCommit> push = new FutureTask<>(() -> lab.push(PushOptions.defaults()));
    Thread pushing = new Thread(push, "pushing");
    pushing.start();
    sending.await();

    pushing.interrupt();

    assertThatThrownBy(push::get)
        .cause()
        .isInstanceOf(InterruptedIOException.class)
        .hasMessageContaining("nothing was committed; the files are in '" + directory + "'");
    over.countDown();
    pushing.join();
    assertThat(lab.at("main")).isEmpty();
  }

  @Test
  void fileThatSomebodyWritesMeanwhileIsNotCommitted() {
    fault(
        "POST .*/verify",
        exchange -> {
          Files.writeString(directory.resolve("adapter_config.json"), "{\"r\": 9999}\n");
          local = lab.local();
          return false;
        });

    assertThatThrownBy(() -> lab.push(PushOptions.defaults()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was written to while it was uploaded");
    assertThat(lab.at("main")).isEmpty();
  }
}
