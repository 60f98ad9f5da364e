package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.hub.PushOptions.Creation;
import io.github.lora4j.hub.testing.DoubleRequest;
import io.github.lora4j.hub.testing.Hashes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a push that nobody disturbs does. */
class HubPushTest {

  @TempDir Path directory;
  private PushLab lab;

  @BeforeEach
  void start() throws IOException {
    lab = new PushLab(directory, Long.MAX_VALUE);
  }

  @AfterEach
  void stop() {
    assertThat(lab.hub.failures()).isEmpty();
    lab.close();
  }

  @Test
  void filesAreOneCommitInANewRepository() throws IOException {
    HubCommit commit =
        lab.push(PushOptions.builder().message("Train").description("On v2.\nTwice.").build());

    assertThat(lab.at("main")).containsExactlyInAnyOrderEntriesOf(lab.local());
    assertThat(lab.repository().message(commit.id())).isEqualTo("Train\n\nOn v2.\nTwice.");
    assertThat(lab.repository().resolve("main")).contains(commit.id());
    assertThat(commit.repository()).isEqualTo(HubRepository.model("me/squad"));
    assertThat(commit.address())
        .hasToString(lab.hub.endpoint() + "/me/squad/commit/" + commit.id());
    assertThat(commit.pullRequest()).isEmpty();
    assertThat(commit.changed()).isTrue();
    assertThat(lab.repository().isPrivate()).isFalse();
    assertThat(lab.requests())
        .filteredOn(request -> request.contains("/commit/"))
        .containsExactly("hub POST /api/models/me/squad/commit/main");
  }

  @Test
  void largeFilesGoToTheStoreWithoutTheToken() throws IOException {
    lab.push(PushOptions.defaults());

    List<DoubleRequest> stored =
        lab.hub.requests().stream().filter(request -> request.host().equals("storage")).toList();
    assertThat(stored).hasSize(1);
    assertThat(stored.get(0).method()).isEqualTo("PUT");
    assertThat(stored.get(0).header("authorization")).isEmpty();
    assertThat(stored.get(0).header("content-length")).contains("100000");
    assertThat(lab.hub.requests())
        .filteredOn(request -> request.host().equals("hub"))
        .allMatch(request -> request.header("authorization").isPresent());
  }

  @Test
  void largeFileGoesUpInPartsWhereTheHubWantsIt() throws IOException {
    for (long partSize : new long[] {30_000, 50_000, 99_999}) {
      try (PushLab parts = new PushLab(directory, partSize)) {
        parts.push(PushOptions.defaults());

        assertThat(parts.at("main")).containsExactlyInAnyOrderEntriesOf(parts.local());
        assertThat(parts.requests())
            .filteredOn(request -> request.startsWith("storage PUT"))
            .hasSize((int) Math.ceil(100_000.0 / partSize));
        assertThat(parts.hub.failures()).isEmpty();
      }
    }
  }

  @Test
  void missingNamespaceIsThatOfTheToken() throws IOException {
    HubCommit commit = lab.push("squad", lab.options().build(), PushOptions.defaults());

    assertThat(commit.repository().id()).isEqualTo("me/squad");
    assertThat(lab.at("main")).hasSize(3);
  }

  @Test
  void privateRepositoryIsMadeIfAskedFor() throws IOException {
    lab.push(PushOptions.builder().creation(Creation.PRIVATE).build());

    assertThat(lab.repository().isPrivate()).isTrue();
    assertThat(lab.push(PushOptions.builder().creation(Creation.PRIVATE).build()).changed())
        .isFalse(); // it is there, and as wanted
  }

  @Test
  void existingRepositoryIsPushedToAndKeepsItsOtherFiles() throws IOException {
    lab.hub.store().model("me/squad").commitText(Map.of("notes.txt", "mine"));

    lab.push(PushOptions.builder().creation(Creation.NONE).build());

    assertThat(lab.at("main")).hasSize(4).containsKey("notes.txt");
    assertThat(lab.requests()).noneMatch(request -> request.contains("/api/repos/create"));
  }

  @Test
  void samePushAgainIsNoCommit() throws IOException {
    HubCommit first = lab.push(PushOptions.defaults());

    HubCommit second = lab.push(PushOptions.defaults());

    assertThat(second.id()).isEqualTo(first.id());
    assertThat(second.changed()).isFalse();
    assertThat(second.address()).isEqualTo(first.address());
  }

  @Test
  void onlyWhatChangedIsSent() throws IOException {
    lab.push(PushOptions.defaults());
    lab.hub.forgetRequests();
    Files.writeString(directory.resolve("adapter_config.json"), "{\"r\": 4}\n");

    assertThat(lab.push(PushOptions.defaults()).changed()).isTrue();

    assertThat(lab.at("main")).containsExactlyInAnyOrderEntriesOf(lab.local());
    assertThat(lab.requests()).noneMatch(request -> request.startsWith("storage"));
  }

  @Test
  void contentThatTheStoreHasIsNotSentAgain() throws IOException {
    lab.hub.store().putLarge(Hashes.sha256(lab.weights), lab.weights);

    lab.push(PushOptions.defaults());

    assertThat(lab.at("main")).containsExactlyInAnyOrderEntriesOf(lab.local());
    assertThat(lab.requests()).noneMatch(request -> request.startsWith("storage"));
  }

  @Test
  void branchIsMadeIfItIsMissing() throws IOException {
    HubOptions options = lab.options().revision("feature/ü v2").build();

    HubCommit commit = lab.push("me/squad", options, PushOptions.defaults());
    Files.writeString(directory.resolve("adapter_config.json"), "{}");
    lab.push("me/squad", options, PushOptions.defaults());

    assertThat(lab.at("feature/ü v2")).containsExactlyInAnyOrderEntriesOf(lab.local());
    assertThat(lab.at("main")).isEmpty();
    assertThat(lab.repository().resolve("main")).isNotEqualTo(Optional.of(commit.id()));
  }

  @Test
  void subfolderHoldsTheFiles() throws IOException {
    lab.push("me/squad", lab.options().subfolder("adapters/v 2").build(), PushOptions.defaults());

    assertThat(lab.at("main"))
        .containsOnlyKeys(
            "adapters/v 2/README.md",
            "adapters/v 2/adapter_config.json",
            "adapters/v 2/adapter_model.safetensors");
  }

  @Test
  void pullRequestLeavesMainAlone() throws IOException {
    lab.hub.store().model("me/squad").commitText(Map.of("notes.txt", "mine"));
    String main = lab.repository().resolve("main").orElseThrow();

    HubCommit commit =
        lab.push(PushOptions.builder().creation(Creation.NONE).pullRequest(true).build());

    assertThat(lab.repository().resolve("main")).contains(main);
    assertThat(lab.at("refs/pr/1")).hasSize(4);
    assertThat(commit.pullRequest().orElseThrow())
        .hasToString(lab.hub.endpoint() + "/me/squad/discussions/1");
    assertThat(commit).hasToString(lab.hub.endpoint() + "/me/squad/discussions/1");
  }

  @Test
  void parentThatIsStillThereIsBuiltUpon() throws IOException {
    String parent = lab.push(PushOptions.defaults()).id();
    Files.writeString(directory.resolve("adapter_config.json"), "{}");

    HubCommit commit = lab.push(PushOptions.builder().parentCommit(parent).build());

    assertThat(lab.repository().resolve("main")).contains(commit.id());
  }

  @Test
  void emptyFileGoesInsideTheCommit() throws IOException {
    Files.write(directory.resolve("adapter_model.safetensors"), new byte[0]);

    lab.push(PushOptions.defaults());

    assertThat(lab.at("main").get("adapter_model.safetensors")).isEmpty();
    assertThat(lab.requests()).noneMatch(request -> request.startsWith("storage"));
  }

  @Test
  void progressEndsWithAllBytes() throws IOException {
    List<HubProgress> told = new ArrayList<>();
    long total = 0;
    for (byte[] bytes : lab.local().values()) {
      total += bytes.length;
    }

    lab.push("me/squad", lab.options().progress(told::add).build(), PushOptions.defaults());

    assertThat(told).isSortedAccordingTo(Comparator.comparingLong(HubProgress::bytes));
    assertThat(told.get(0).bytes()).isZero();
    HubProgress last = told.get(told.size() - 1);
    assertThat(last.bytes()).isEqualTo(total).isEqualTo(last.totalBytes());
    assertThat(last.filesDone()).isEqualTo(3).isEqualTo(last.files());
  }

  @Test
  void namesThatLeadOutAreRefused() {
    HubOptions options = lab.options().build();
    HubPush push =
        new HubPush(
            new HubHttp(options),
            options,
            PushOptions.defaults(),
            directory,
            HubRepository.model("me/squad"));

    for (String name : List.of("../secret", "/etc/passwd", "a//b", ".", "a/../b")) {
      assertThatThrownBy(() -> push.run(List.of(name)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is no name of a file in a repository");
    }
    assertThatThrownBy(() -> push.run(List.of()))
        .hasMessage("a push needs at least one file, got none");
    assertThatThrownBy(() -> push.run(List.of("none.json")))
        .isInstanceOf(NoSuchFileException.class);
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void optionsThatContradictAreRefused() {
    assertThatThrownBy(
            () ->
                lab.push(
                    "me/squad",
                    lab.options().revision("a".repeat(40)).build(),
                    PushOptions.defaults()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("revision must be a branch to push to");
    assertThatThrownBy(
            () ->
                lab.push(
                    "me/squad",
                    lab.options().revision("v2").build(),
                    PushOptions.builder().pullRequest(true).build()))
        .hasMessage("a pull request is opened against 'main', got revision 'v2'");
    assertThatThrownBy(() -> PushOptions.builder().message("a\nb").build())
        .hasMessageStartingWith("message must be one line");
    assertThatThrownBy(() -> PushOptions.builder().message(" ").build())
        .hasMessageStartingWith("message must be one line");
    assertThatThrownBy(() -> PushOptions.builder().parentCommit("main").build())
        .hasMessage("parentCommit must be a hash of 40 digits, got 'main'");
    assertThat(lab.hub.requests()).isEmpty();
  }
}
