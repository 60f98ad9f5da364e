package io.github.lora4j.hub;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.hub.HubException.Kind;
import io.github.lora4j.hub.testing.DoubleFile;
import io.github.lora4j.hub.testing.DoubleRequest;
import io.github.lora4j.hub.testing.Hashes;
import io.github.lora4j.hub.testing.TreeRoute;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DownloadTest {

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

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void modelBringsWhatIsNeededAndNoPickle() throws IOException {
    Path model = lab.client().modelDirectory(HubLab.ID, small -> {});

    assertThat(names(model))
        .containsExactly(
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json");
    assertThat(Files.readAllBytes(model.resolve(HubLab.WEIGHTS))).isEqualTo(lab.weights);
    assertThat(lab.paths()).noneMatch(path -> path.contains("pytorch_model.bin"));
  }

  @Test
  void chatTemplatesWithNamesComeWithTheModel() throws IOException {
    lab.repository.commitText(
        Map.of(
            "chat_template.jinja", "default",
            "additional_chat_templates/tool_use.jinja", "tools",
            "additional_chat_templates/notes.txt", "no template",
            "additional_chat_templates/more/deep.jinja", "no template"));

    Path model = lab.client().modelDirectory(HubLab.ID, small -> {});

    assertThat(model.resolve("chat_template.jinja")).hasContent("default");
    assertThat(names(model.resolve("additional_chat_templates"))).containsExactly("tool_use.jinja");
  }

  @Test
  void cacheIsLaidOutAsTheHubsToolsLayItOut() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});

    Path folder = lab.cache.resolve("models--me--tiny");
    assertThat(folder.resolve("refs/main")).hasContent(lab.head());
    assertThat(lab.blobs())
        .contains(
            Hashes.sha256(lab.weights),
            Hashes.gitBlob("{\"model_type\":\"bloom\"}".getBytes(UTF_8)));
    Path pointer = lab.pointer(HubLab.WEIGHTS);
    assertThat(Files.readSymbolicLink(pointer))
        .isEqualTo(Path.of("../../blobs", Hashes.sha256(lab.weights)));
    assertThat(lab.cache.resolve("CACHEDIR.TAG")).content().startsWith("Signature: 8a477f597d28");
    assertThat(names(folder.resolve("blobs"))).noneMatch(name -> name.endsWith(".incomplete"));
  }

  @Test
  void linkInASubfolderClimbsOutOfIt() throws IOException {
    lab.repository.commit("deep/er/config.json", "{}".getBytes(UTF_8));

    Path file = lab.client().download(HubLab.MODEL, "deep/er/config.json");

    assertThat(Files.readSymbolicLink(file).toString()).startsWith("../../../../blobs/");
    assertThat(file).hasContent("{}");
  }

  @Test
  void secondLoadAsksOnceWhereTheBranchIsAndNothingElse() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    lab.hub.forgetRequests();

    lab.client().modelDirectory(HubLab.ID, small -> {});

    assertThat(lab.paths()).containsExactly("/api/models/me/tiny/revision/main");
  }

  @Test
  void unchangedFileOfANewCommitIsLinkedNotLoaded() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    lab.repository.commitText(Map.of("config.json", "{\"model_type\":\"bloom\",\"n_head\":2}"));
    lab.hub.forgetRequests();

    Path model = lab.client().modelDirectory(HubLab.ID, small -> {});

    assertThat(model.resolve("config.json")).content().contains("n_head");
    assertThat(Files.readAllBytes(model.resolve(HubLab.WEIGHTS))).isEqualTo(lab.weights);
    assertThat(lab.ranges()).isEmpty();
  }

  @Test
  void branchTagAndCommitAreRevisions() throws IOException {
    String old = lab.head();
    lab.repository.point("v1.0", old);
    lab.repository.point("refs/pr/3", old);
    lab.repository.commitText(Map.of("config.json", "new"));

    for (String revision : List.of("v1.0", "refs/pr/3", old)) {
      HubClient client = HubClient.of(lab.options().revision(revision).build());
      assertThat(client.download(HubLab.MODEL, "config.json")).content().contains("bloom");
    }
    assertThat(lab.client().download(HubLab.MODEL, "config.json")).hasContent("new");
    assertThat(lab.cache.resolve("models--me--tiny/refs/refs/pr/3")).hasContent(old);
  }

  @Test
  void subfolderIsTheModelsDirectory() throws IOException {
    lab.repository.commitText(
        Map.of(
            "fast/config.json",
            "f",
            "fast/tokenizer.json",
            "{}",
            "fast/tokenizer_config.json",
            "{}"));
    lab.repository.commit("fast/model.safetensors", HubLab.bytes(50, 1));
    HubClient client = HubClient.of(lab.options().subfolder("fast").build());

    Path model = client.modelDirectory(HubLab.ID, small -> {});

    assertThat(model).endsWith(Path.of("fast"));
    assertThat(model.resolve("config.json")).hasContent("f");
    assertThat(lab.blobs()).doesNotContain(Hashes.sha256(lab.weights));
  }

  @Test
  void shardsThatTheIndexNamesAreLoadedAndNoOthers() throws IOException {
    lab.repository.commit("model-00001-of-00002.safetensors", HubLab.bytes(300, 1));
    lab.repository.commit("model-00002-of-00002.safetensors", HubLab.bytes(200, 2));
    lab.repository.commit("consolidated.safetensors", HubLab.bytes(500, 3));
    lab.repository.commitText(
        Map.of(
            "model.safetensors.index.json",
            """
            {"metadata":{},"weight_map":{"a":"model-00001-of-00002.safetensors",\
            "b":"model-00002-of-00002.safetensors"}}"""));

    Path model = lab.client().modelDirectory(HubLab.ID, small -> {});

    assertThat(names(model))
        .contains("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
        .doesNotContain("consolidated.safetensors", HubLab.WEIGHTS);
  }

  @Test
  void inspectionThatRefusesSavesTheWeights() {
    HubException refusal = new HubException(Kind.REFUSED, "not this one");

    HubException failure =
        HubLab.failure(
            () ->
                lab.client()
                    .modelDirectory(
                        HubLab.ID,
                        small -> {
                          assertThat(small.resolve("config.json")).isRegularFile();
                          throw refusal;
                        }));

    assertThat(failure).isSameAs(refusal);
    assertThat(lab.ranges()).isEmpty();
  }

  @Test
  void pickleAloneIsRefusedBeforeAnythingIsLoaded() {
    lab.repository.commit("main", "Drop", Map.of(), Set.of(HubLab.WEIGHTS));

    HubException failure =
        HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.FILE_NOT_FOUND);
    assertThat(failure).hasMessageContaining("is a pickle, which can run code");
    assertThat(lab.paths()).noneMatch(path -> path.contains("/resolve/"));
  }

  @Test
  void adapterIsItsTwoFilesAndTheLegacyOneOnlyAlone() throws IOException {
    lab.hub.store().model("me/legacy").commitText(Map.of("adapter_config.json", "{}"));
    lab.hub
        .store()
        .find("models", "me/legacy")
        .orElseThrow()
        .commit("adapter_model.bin", new byte[9]);
    var both = lab.hub.store().model("me/both");
    both.commitText(Map.of("adapter_config.json", "{}", "README.md", "x"));
    both.commit("adapter_model.bin", new byte[9]);
    both.commit("adapter_model.safetensors", new byte[8]);

    assertThat(names(lab.client().adapterDirectory("me/legacy")))
        .containsExactly("adapter_config.json", "adapter_model.bin");
    assertThat(names(lab.client().adapterDirectory("me/both")))
        .containsExactly("adapter_config.json", "adapter_model.safetensors");
  }

  @Test
  void directoryThatExistsWins() throws IOException {
    Path local = Files.createDirectories(directory.resolve("local"));

    assertThat(lab.client().modelDirectory(local.toString(), small -> {})).isEqualTo(local);
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void patternsChooseFilesOfASnapshot() throws IOException {
    Path snapshot =
        lab.client().snapshot(HubLab.MODEL, HubPatterns.of("*.json", "*.bin").except("token*"));

    assertThat(names(snapshot)).containsExactly("config.json", "pytorch_model.bin");
  }

  @Test
  void longListingIsReadPageByPage() throws IOException {
    lab.hub.add(new TreeRoute(2));

    assertThat(lab.client().list(HubLab.MODEL))
        .containsExactly(
            "README.md",
            "config.json",
            "model.safetensors",
            "pytorch_model.bin",
            "tokenizer.json",
            "tokenizer_config.json");
    assertThat(lab.paths()).filteredOn(path -> path.contains("/tree/")).hasSize(3);
  }

  @Test
  void dataSetsHaveTheirOwnPlace() throws IOException {
    lab.hub.store().dataset("me/questions").commitText(Map.of("train.json", "[]"));

    Path file = lab.client().download(HubRepository.dataset("me/questions"), "train.json");

    assertThat(file).hasContent("[]");
    assertThat(lab.cache.resolve("datasets--me--questions/refs/main")).exists();
  }

  @Test
  void copiesStandWhereLinksAreNotPossible() throws IOException {
    HubOptions options =
        lab.time
            .in(HubOptions.builder(Map.of("HF_HUB_DISABLE_SYMLINKS", "1")))
            .endpoint(lab.hub.endpoint())
            .cache(lab.cache)
            .build();
    HubClient client = HubClient.of(options);
    client.modelDirectory(HubLab.ID, small -> {});

    assertThat(lab.pointer(HubLab.WEIGHTS))
        .isRegularFile()
        .satisfies(p -> assertThat(Files.isSymbolicLink(p)).isFalse());
    assertThat(Files.readAllBytes(lab.pointer(HubLab.WEIGHTS))).isEqualTo(lab.weights);
    lab.hub.forgetRequests();
    lab.offline().modelDirectory(HubLab.ID, small -> {});
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void missingFileIsRememberedAsMissing() {
    HubException failure =
        HubLab.failure(() -> lab.client().download(HubLab.MODEL, "chat_template.jinja"));

    assertThat(failure.kind()).isEqualTo(Kind.FILE_NOT_FOUND);
    assertThat(
            lab.cache.resolve("models--me--tiny/.no_exist/" + lab.head() + "/chat_template.jinja"))
        .isEmptyFile();
    lab.hub.forgetRequests();
    HubClient pinned = HubClient.of(lab.options().revision(lab.head()).build());
    assertThat(HubLab.failure(() -> pinned.download(HubLab.MODEL, "chat_template.jinja")).kind())
        .isEqualTo(Kind.FILE_NOT_FOUND);
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void progressEndsAtAllBytesOfAllFiles() throws IOException {
    List<HubProgress> seen = new ArrayList<>();
    HubClient client = HubClient.of(lab.options().progress(seen::add).build());

    client.modelDirectory(HubLab.ID, small -> {});

    HubProgress last = seen.get(seen.size() - 1);
    assertThat(seen.get(0).bytes()).isZero();
    assertThat(last.bytes()).isEqualTo(last.totalBytes()).isEqualTo(lab.weights.length);
    assertThat(last.filesDone()).isEqualTo(last.files()).isEqualTo(4);
    assertThat(last.fraction()).isEqualTo(1);
  }

  @Test
  void progressSaysRateAndRemainingTime() {
    HubProgress half = new HubProgress(HubLab.MODEL, 1, 0, 500, 1000, 100);

    assertThat(half.fraction()).isEqualTo(0.5);
    assertThat(half.remaining()).contains(java.time.Duration.ofSeconds(5));
    assertThat(new HubProgress(HubLab.MODEL, 1, 0, 0, 1000, 0).remaining()).isEmpty();
  }

  @Test
  void fullDiskIsSaidBeforeAnythingIsLoaded() {
    HubClient client = new HubClient(lab.options().build(), where -> 16L << 20);

    HubException failure = HubLab.failure(() -> client.modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.DISK_FULL);
    assertThat(failure).hasMessageContaining(lab.cache.toString());
    assertThat(lab.paths()).noneMatch(path -> path.contains("/resolve/"));
  }

  @Test
  void diskThatFillsUpMeanwhileIsSaid() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "a device that is always full");
    RemoteFile file =
        RemoteFile.of(HubLab.MODEL, lab.head(), "x", Hashes.sha256(lab.weights), 20_000);

    try (IncompleteFile into = IncompleteFile.open(full, file)) {
      HubException failure = HubLab.failure(() -> into.write(ByteBuffer.wrap(lab.weights)));

      assertThat(failure.kind()).isEqualTo(Kind.DISK_FULL);
      assertThat(failure).hasMessageContaining("goes on where it stopped");
    }
  }

  @Test
  void patternsThatMatchNothingAreSaid() {
    HubException failure =
        HubLab.failure(() -> lab.client().snapshot(HubLab.MODEL, HubPatterns.of("*.gguf")));

    assertThat(failure.kind()).isEqualTo(Kind.FILE_NOT_FOUND);
  }

  @Test
  void patternsMeanWhatTheyMeanInPython() {
    assertThat(HubPatterns.of("a/").matches("a/b/c.json")).isTrue();
    assertThat(HubPatterns.of("*.json").matches("a/b.json")).isTrue();
    assertThat(HubPatterns.of("*.json").matches("a.jsonl")).isFalse();
    assertThat(HubPatterns.of("m-?.st").matches("m-1.st")).isTrue();
    assertThat(HubPatterns.of("m-[12].st").matches("m-2.st")).isTrue();
    assertThat(HubPatterns.of("m-[!12].st").matches("m-2.st")).isFalse();
    assertThat(HubPatterns.of("a.b").matches("axb")).isFalse();
    assertThat(HubPatterns.of("[x").matches("[x")).isTrue();
    assertThat(HubPatterns.all().except("*.bin").matches("deep/x.bin")).isFalse();
  }

  @Test
  void commitThatMovesMeanwhileIsNotMixedIn() throws IOException {
    String first = lab.head();
    lab.hub.add(
        exchange -> {
          if (exchange.path().endsWith("/resolve/" + first + "/config.json")) {
            lab.repository.commit(HubLab.WEIGHTS, HubLab.bytes(99, 99));
          }
          return false;
        });

    Path model = lab.client().modelDirectory(HubLab.ID, small -> {});

    assertThat(model).endsWith(Path.of(first));
    assertThat(Files.readAllBytes(model.resolve(HubLab.WEIGHTS))).isEqualTo(lab.weights);
  }

  @Test
  void answerOfAnotherCommitIsRefused() throws IOException {
    lab.hub.add(
        exchange ->
            exchange.path().contains("/resolve/" + lab.head() + "/" + HubLab.WEIGHTS)
                && exchange.set("X-Repo-Commit", "0".repeat(40)).bytes(200, lab.weights));

    HubException failure =
        HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure).hasMessageContaining("a snapshot is of one commit");
    assertThat(lab.blobs()).doesNotContain(Hashes.sha256(lab.weights));
  }

  @Test
  void smallFilesThatAreLargeByOldHabitsAreCheckedBySha256() throws IOException {
    lab.repository.commit(
        "main",
        "Track",
        Map.of("tokenizer.json", DoubleFile.large("{ }".getBytes(UTF_8))),
        Set.of());

    Path file = lab.client().download(HubLab.MODEL, "tokenizer.json");

    assertThat(file).hasContent("{ }");
    assertThat(lab.blobs()).contains(Hashes.sha256("{ }".getBytes(UTF_8)));
  }

  @Test
  void severalFilesAreLoadedAtOnce() throws IOException {
    lab.repository.commit("a.bin", HubLab.bytes(300, 1));
    lab.repository.commit("b.bin", HubLab.bytes(300, 2));
    CyclicBarrier both = new CyclicBarrier(2); // neither is answered before the other is asked for
    lab.hub.add(
        exchange -> {
          if (exchange.onStorageHost()) {
            await(both);
          }
          return false;
        });

    Path directory = lab.client().snapshot(HubLab.MODEL, HubPatterns.of("a.bin", "b.bin"));

    assertThat(names(directory)).containsExactly("a.bin", "b.bin");
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IllegalStateException("the double is being closed", e);
    }
  }

  @Test
  void contentOfSeveralNamesIsLoadedOnceAndCountedOnce() throws IOException {
    List<HubProgress> told = new CopyOnWriteArrayList<>();
    lab.repository.commit("a.bin", HubLab.bytes(3000, 1));
    lab.repository.commit("b.bin", HubLab.bytes(3000, 1));
    HubClient client = HubClient.of(lab.options().progress(told::add).build());

    Path directory = client.snapshot(HubLab.MODEL, HubPatterns.of("a.bin", "b.bin"));

    assertThat(directory.resolve("a.bin")).hasSameBinaryContentAs(directory.resolve("b.bin"));
    assertThat(lab.ranges()).containsExactly("all");
    HubProgress last = told.get(told.size() - 1);
    assertThat(last.bytes()).isEqualTo(3000);
    assertThat(last.totalBytes()).isEqualTo(3000);
    assertThat(last.filesDone()).isEqualTo(2);
  }

  @Test
  void contentThatAnotherProcessBroughtMeanwhileIsCounted() throws IOException {
    List<HubProgress> told = new CopyOnWriteArrayList<>();
    HubClient client =
        HubClient.of(
            lab.options()
                .progress(
                    state -> {
                      if (told.isEmpty()) {
                        bringContent(); // after it was found missing, before it is asked for
                      }
                      told.add(state);
                    })
                .build());

    client.download(HubLab.MODEL, HubLab.WEIGHTS);

    assertThat(lab.ranges()).isEmpty();
    assertThat(told.get(0).bytes()).isZero();
    assertThat(told.get(told.size() - 1).fraction()).isEqualTo(1);
  }

  private void bringContent() {
    try {
      Path blobs = Files.createDirectories(lab.cache.resolve("models--me--tiny/blobs"));
      Files.write(blobs.resolve(Hashes.sha256(lab.weights)), lab.weights);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void pullRequestsAndShortHashesAreRevisions() throws IOException {
    lab.repository.point("refs/pr/1", lab.head());
    for (String revision : List.of("refs/pr/1", lab.head().substring(0, 7))) {
      HubClient client = HubClient.of(lab.options().revision(revision).build());

      assertThat(client.modelDirectory(HubLab.ID, small -> {})).endsWith(Path.of(lab.head()));
      assertThat(lab.cache.resolve("models--me--tiny/refs").resolve(revision))
          .hasContent(lab.head());
    }
  }

  /** A hub that has the content by another way of transfer too still gives it by the plain one. */
  @Test
  void headersOfTheXetStoreAreNotNeeded() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});

    assertThat(lab.hub.requests())
        .filteredOn(request -> request.host().equals("storage"))
        .extracting(DoubleRequest::path)
        .singleElement()
        .asString()
        .contains(Hashes.sha256(lab.weights));
    assertThat(HubCache.at(lab.cache).listing(HubLab.MODEL, lab.head()).orElseThrow())
        .extractingByKey(HubLab.WEIGHTS)
        .satisfies(entry -> assertThat(entry.xetHash()).isPresent());
  }

  @Test
  void namesThatLeadOutAreNotListed() throws IOException {
    lab.repository.commitText(Map.of("../evil.json", "1", "a\\b.json", "2", "good.json", "3"));

    assertThat(lab.client().list(HubLab.MODEL))
        .contains("good.json", "config.json")
        .noneMatch(name -> name.contains("evil") || name.contains("\\"));
  }
}
