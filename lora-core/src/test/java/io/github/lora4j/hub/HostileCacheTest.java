package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.hub.HubException.Kind;
import io.github.lora4j.hub.testing.Hashes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A cache that others wrote to: nothing is read or written outside of it. */
class HostileCacheTest {

  @TempDir Path directory;
  private HubLab lab;
  private Path folder;
  private Path outside;
  private String hash = "";

  @BeforeEach
  void start() throws IOException {
    lab = new HubLab(directory);
    folder = lab.cache.resolve("models--me--tiny");
    outside = Files.createDirectories(directory.resolve("outside"));
    hash = Hashes.sha256(lab.weights);
  }

  @AfterEach
  void stop() {
    lab.close();
  }

  private Path load() throws IOException {
    return lab.client().download(HubLab.MODEL, HubLab.WEIGHTS);
  }

  private void assertNothingOutside() throws IOException {
    try (Stream<Path> files = Files.list(outside)) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void contentThatIsALinkToElsewhereIsLoadedAnew() throws IOException {
    Path victim = Files.write(directory.resolve("victim"), lab.weights);
    Files.createDirectories(folder.resolve("blobs"));
    Files.createSymbolicLink(folder.resolve("blobs").resolve(hash), victim);

    Path file = load();

    assertThat(file.toRealPath().startsWith(lab.cache.toRealPath())).isTrue();
    assertThat(Files.isSymbolicLink(folder.resolve("blobs").resolve(hash))).isFalse();
    assertThat(Files.readAllBytes(file)).isEqualTo(lab.weights);
  }

  /** Python keeps content that several repositories share in one place of the cache. */
  @Test
  void contentThatPythonSharesAmongRepositoriesIsUsed() throws IOException {
    Path shared = lab.cache.resolve("blobs/ab/" + "ab".repeat(32));
    Files.createDirectories(shared.getParent());
    Files.write(shared, lab.weights);
    Path blobs = Files.createDirectories(folder.resolve("blobs"));
    Files.createSymbolicLink(blobs.resolve(hash), blobs.relativize(shared));

    Path file = load();

    assertThat(Files.readAllBytes(file)).isEqualTo(lab.weights);
    assertThat(lab.ranges()).isEmpty();
  }

  @Test
  void contentThatIsCutShortIsLoadedAnew() throws IOException {
    Files.createDirectories(folder.resolve("blobs"));
    Files.write(folder.resolve("blobs").resolve(hash), Arrays.copyOf(lab.weights, 100));

    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
  }

  @ParameterizedTest
  @ValueSource(strings = {"blobs", "refs", "snapshots", "../.locks/models--me--tiny"})
  void directoryThatIsALinkToElsewhereIsNotWrittenTo(String name) throws IOException {
    Path link = folder.resolve(name).normalize();
    Files.createDirectories(link.getParent());
    Files.createSymbolicLink(link, outside);

    HubException failure = HubLab.failure(this::load);

    assertThat(failure.kind()).isEqualTo(Kind.REFUSED);
    assertThat(failure).hasMessageContaining("leads out of the cache by a link; remove it");
    assertNothingOutside();
  }

  @Test
  void markOfAMissingFileIsNotWrittenElsewhere() throws IOException {
    Files.createDirectories(folder);
    Files.createSymbolicLink(folder.resolve(".no_exist"), outside);

    assertThatThrownBy(() -> lab.client().download(HubLab.MODEL, "none.json"))
        .isInstanceOf(HubException.class);
    assertNothingOutside();
  }

  @Test
  void listingElsewhereIsNeitherReadNorWritten() throws IOException {
    Path listing = Files.writeString(directory.resolve("listing"), "{}");
    Files.createDirectories(folder.resolve("trees"));
    Files.createSymbolicLink(folder.resolve("trees").resolve(lab.head() + ".json"), listing);

    assertThat(HubCache.at(lab.cache).listing(HubLab.MODEL, lab.head())).isEmpty();
    assertThat(lab.client().list(HubLab.MODEL)).contains("config.json");
    assertThat(listing).hasContent("{}");
  }

  @Test
  void partThatIsALinkIsNotGoneOnWith() throws IOException {
    Path secret = Files.write(directory.resolve("secret"), Arrays.copyOf(lab.weights, 100));
    Files.createDirectories(folder.resolve("blobs"));
    Files.createSymbolicLink(folder.resolve("blobs").resolve(hash + ".incomplete"), secret);

    assertThat(Files.readAllBytes(load())).isEqualTo(lab.weights);
    assertThat(lab.ranges()).containsExactly("all");
  }

  @Test
  void partOfOtherContentIsLeftAlone() throws IOException {
    Files.createDirectories(folder.resolve("blobs"));
    Path other = folder.resolve("blobs").resolve("0".repeat(64) + ".incomplete");
    Files.write(other, new byte[50]);

    load();

    assertThat(other).hasSize(50);
    assertThat(lab.ranges()).containsExactly("all");
  }

  @Test
  void referenceWithALineEndIsRead() throws IOException {
    load();
    Files.writeString(folder.resolve("refs/main"), lab.head() + "\n");

    assertThat(lab.offline().download(HubLab.MODEL, HubLab.WEIGHTS)).exists();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../../../..", "/etc", "main", "0123", "\0"})
  void referenceThatIsNoCommitCountsAsNotThere(String text) throws IOException {
    load();
    Files.writeString(folder.resolve("refs/main"), text);

    assertThat(HubLab.failure(() -> lab.offline().download(HubLab.MODEL, HubLab.WEIGHTS)).kind())
        .isEqualTo(Kind.OFFLINE);
  }
}
