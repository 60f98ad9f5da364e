package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names and links that would lead out of the cache. */
class HostileHubTest {

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

  private static Set<String> allFiles(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      Set<String> names = new TreeSet<>();
      files.forEach(file -> names.add(root.relativize(file).toString()));
      return names;
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../evil.json",
        "../../../../evil.json",
        "a/../../evil.json",
        "/evil.json",
        "a//evil.json",
        "./evil.json",
        "..\\evil.json",
        "C:evil.json",
        "evil\u0007.json",
        "evil/... /x",
        "evil/.. ",
        "C:\\evil.json",
        "\\\\host\\evil.json",
        ".."
      })
  void listedNameThatLeadsOutIsRefused(String name) throws IOException {
    lab.repository.commitText(Map.of(name, "evil"));

    HubException failure =
        HubLab.failure(() -> lab.client().snapshot(HubLab.MODEL, HubPatterns.all()));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure).hasMessageContaining("nothing was written");
    assertThat(failure.getMessage()).doesNotContain("\u0007");
    assertThat(allFiles(directory)).noneMatch(file -> file.contains("evil"));
    assertThat(lab.blobs()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "/etc/passwd", "a/../b", "", "a\\b", "x\u0000"})
  void callersNameThatLeadsOutIsRefused(String name) {
    assertThatThrownBy(() -> lab.client().download(HubLab.MODEL, name))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(lab.hub.requests()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x",
        "a/b/c",
        "a--b",
        "a..b/c",
        "/abs",
        "me/",
        "-me/x",
        "me/x.git",
        ".",
        "me/x y"
      })
  void textThatIsNoIdIsRefused(String id) {
    assertThat(HubRepository.isId(id)).isFalse();
    assertThatThrownBy(() -> HubRepository.model(id)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> lab.client().adapterDirectory(id + "\u0001"))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("organisation/name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../main", "/main", "a/../../b", "-x", ""})
  void revisionThatLeadsOutIsRefused(String revision) {
    assertThatThrownBy(() -> lab.options().revision(revision).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("revision");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../../evil.safetensors",
        "/evil.safetensors",
        "a/evil.safetensors",
        "..",
        "..\\\\evil.safetensors",
        "C:evil.safetensors",
        ""
      })
  void indexEntryThatLeadsOutIsRefused(String shard) throws IOException {
    lab.repository.commitText(
        Map.of(ModelFiles.INDEX, "{\"weight_map\":{\"a\":\"%s\"}}".formatted(shard)));

    HubException failure =
        HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure).hasMessageContaining("plain names");
    assertThat(lab.ranges()).isEmpty();
  }

  @Test
  void indexEntryThatTheRepositoryHasNotIsNamed() {
    lab.repository.commitText(Map.of(ModelFiles.INDEX, "{\"weight_map\":{\"a\":\"gone.st\"}}"));

    HubException failure =
        HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.FILE_NOT_FOUND);
    assertThat(failure).hasMessageContaining("'gone.st'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "/x", "a/../../b", "a\\b", "C:x", "x\r\nAuthorization: y"})
  void subfolderThatLeadsOutIsRefused(String subfolder) {
    assertThatThrownBy(() -> lab.options().subfolder(subfolder).build())
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"x\r\nHost: evil", "a\nb", "a b?x=1#y", "%2e%2e"})
  void revisionStaysInItsPlaceOfTheRequest(String revision) {
    try {
      HubClient client = HubClient.of(lab.options().revision(revision).build());
      assertThat(HubLab.failure(() -> client.list(HubLab.MODEL)).kind())
          .isEqualTo(Kind.REVISION_NOT_FOUND);
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("revision must be");
    }
    assertThat(lab.paths())
        .allMatch(path -> path.matches("/api/models/me/tiny/revision/[A-Za-z0-9%.-]+"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../../../evil", "..", "/etc", "", "main"})
  void commitInAHeaderThatIsNoHashIsRefused(String commit) throws IOException {
    lab.hub.add(
        exchange ->
            exchange.method().equals("HEAD")
                && exchange
                    .set("X-Repo-Commit", commit)
                    .set("ETag", "\"" + "a".repeat(40) + "\"")
                    .bytes(200, new byte[4]));

    HubException failure = HubLab.failure(() -> lab.client().download(HubLab.MODEL, "config.json"));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(allFiles(directory)).noneMatch(file -> file.contains("evil"));
    assertThat(lab.cache).doesNotExist();
  }

  @Test
  void entityTagWithoutAnEndIsRefusedInAShortMessage() {
    lab.hub.add(
        exchange ->
            exchange.method().equals("HEAD")
                && exchange
                    .set("X-Repo-Commit", lab.head())
                    .set("ETag", "\"" + "a".repeat(50_000) + "\"")
                    .bytes(200, new byte[4]));

    HubException failure = HubLab.failure(() -> lab.client().download(HubLab.MODEL, "config.json"));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure.getMessage()).hasSizeLessThan(1000);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../../../evil", "abc", "", "ZZ"})
  void entityTagThatIsNoHashIsRefused(String etag) throws IOException {
    lab.hub.add(
        exchange ->
            exchange.method().equals("HEAD")
                && exchange
                    .set("X-Repo-Commit", lab.head())
                    .set("X-Linked-Etag", "\"" + etag + "\"")
                    .set("X-Linked-Size", "4")
                    .bytes(200, new byte[4]));

    HubException failure = HubLab.failure(() -> lab.client().download(HubLab.MODEL, "config.json"));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(lab.blobs()).isEmpty();
  }

  @Test
  void commitThatIsNoHashIsRefused() {
    lab.hub.add(
        exchange ->
            exchange.path().contains("/revision/") && exchange.json(200, "{\"sha\":\"../../x\"}"));

    HubException failure =
        HubLab.failure(() -> lab.client().modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
  }

  @Test
  void referenceInTheCacheThatLeadsOutCountsAsNotThere() throws IOException {
    Path ref = lab.cache.resolve("models--me--tiny/refs/main");
    Files.createDirectories(ref.getParent());
    Files.writeString(ref, "../../../..");

    assertThat(HubCache.at(lab.cache).commit(HubLab.MODEL, "main")).isEmpty();
  }

  @Test
  void linkInTheCacheThatLeadsOutCountsAsNotThere() throws IOException {
    Path secret = Files.writeString(directory.resolve("secret"), "s");
    lab.client().download(HubLab.MODEL, "config.json");
    Files.delete(lab.pointer("config.json"));
    Files.createSymbolicLink(lab.pointer("config.json"), secret);

    assertThat(HubCache.at(lab.cache).file(HubLab.MODEL, "main", "config.json")).isEmpty();
  }

  @Test
  void incompleteFileThatIsALinkIsNotFollowed() throws IOException {
    Path victim = Files.writeString(directory.resolve("victim"), "v");
    Path blobs = Files.createDirectories(lab.cache.resolve("models--me--tiny/blobs"));
    String hash = io.github.lora4j.hub.testing.Hashes.sha256(lab.weights);
    Files.createSymbolicLink(blobs.resolve(hash + ".lora4j.incomplete"), victim);

    assertThatThrownBy(() -> lab.client().download(HubLab.MODEL, HubLab.WEIGHTS))
        .isInstanceOf(IOException.class);
    assertThat(victim).hasContent("v");
  }

  @Test
  void listingThatGoesOnAtAnotherHostIsNotFollowed() {
    lab.hub.add(
        exchange ->
            exchange.path().contains("/tree/")
                && exchange
                    .set("Link", "<" + lab.hub.storage() + "/more>; rel=\"next\"")
                    .json(200, "[]"));

    HubException failure = HubLab.failure(() -> lab.client().list(HubLab.MODEL));

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(lab.hub.requests()).noneMatch(request -> request.host().equals("storage"));
  }

  @Test
  void pageInsteadOfJsonIsSaid() {
    for (String body : List.of("<html>", "{}", "[1]", "[{\"type\":\"file\"}]", "")) {
      lab.hub.add(exchange -> exchange.path().contains("/tree/") && exchange.json(200, body));

      assertThat(HubLab.failure(() -> lab.client().list(HubLab.MODEL)))
          .hasMessageContaining("is the endpoint a hub?");
    }
  }
}
