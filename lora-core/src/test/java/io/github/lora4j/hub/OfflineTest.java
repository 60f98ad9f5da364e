package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is cached needs no connection. */
class OfflineTest {

  /** Nobody listens there. */
  private static final URI DENIED = URI.create("http://127.0.0.1:9");

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

  @Test
  void offlineLoadsFromTheCacheAndOpensNothing() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    lab.hub.forgetRequests();

    Path model = lab.offline().modelDirectory(HubLab.ID, small -> {});

    assertThat(Files.readAllBytes(model.resolve(HubLab.WEIGHTS))).isEqualTo(lab.weights);
    assertThat(lab.offline().download(HubLab.MODEL, "config.json")).exists();
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void fullCommitThatIsCachedOpensNothingThoughOnline() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    lab.hub.forgetRequests();
    HubClient pinned =
        HubClient.of(lab.options().endpoint(DENIED).retries(0).revision(lab.head()).build());

    assertThat(pinned.modelDirectory(HubLab.ID, small -> {})).exists();
    assertThat(pinned.download(HubLab.MODEL, "config.json")).exists();
    assertThat(pinned.snapshot(HubLab.MODEL, HubPatterns.of("tokenizer*"))).exists();
    assertThat(lab.hub.requests()).isEmpty();
    assertThat(lab.time.pauses()).isEmpty();
  }

  @Test
  void filesThatPythonCachedOneByOneAreEnough() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    Files.delete(lab.cache.resolve("models--me--tiny/trees/" + lab.head() + ".json"));

    assertThat(lab.offline().modelDirectory(HubLab.ID, small -> {})).exists();
  }

  @Test
  void filesThatPythonCachedOneByOneAreListedOffline() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    Files.delete(lab.cache.resolve("models--me--tiny/trees/" + lab.head() + ".json"));
    lab.hub.forgetRequests();

    assertThat(lab.offline().list(HubLab.MODEL))
        .containsExactly(
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json");
    assertThat(HubLab.failure(() -> lab.offline().list(HubRepository.model("me/none"))).kind())
        .isEqualTo(Kind.OFFLINE);
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void tokenizerConfigThatNobodyCachedIsNotMissedOffline() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    Files.delete(lab.cache.resolve("models--me--tiny/trees/" + lab.head() + ".json"));
    Files.delete(lab.pointer("tokenizer_config.json"));

    assertThat(lab.offline().modelDirectory(HubLab.ID, small -> {})).exists();
    assertThat(lab.client().modelDirectory(HubLab.ID, small -> {}).resolve("tokenizer_config.json"))
        .exists(); // online, it is asked for
  }

  @Test
  void tokenThatCannotBeUsedIsSaidWithoutShowingIt() {
    HubOptions bad =
        HubOptions.builder(Map.of("HF_TOKEN", "hf_bro ken"))
            .endpoint(lab.hub.endpoint())
            .cache(lab.cache)
            .build();

    assertThatThrownBy(() -> HubClient.of(bad).download(HubLab.MODEL, "config.json"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("HF_TOKEN must be")
        .hasMessageNotContaining("hf_bro");
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void tokenFileThatCannotBeReadIsSaidAndNotTakenForASilentHub() throws IOException {
    Path file = Files.writeString(directory.resolve("token"), "x".repeat(5000));
    HubOptions bad =
        lab.time
            .in(HubOptions.builder(Map.of("HF_TOKEN_PATH", file.toString())))
            .endpoint(lab.hub.endpoint())
            .cache(lab.cache)
            .build();

    assertThatThrownBy(() -> HubClient.of(bad).download(HubLab.MODEL, "config.json"))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(HubException.class)
        .hasMessageContaining(file + ": wanted a token of at most 4096 characters");
    assertThat(lab.time.pauses()).isEmpty();
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void branchIsTakenFromTheCacheWhenTheHubIsAway() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    HubClient away = HubClient.of(lab.options().endpoint(DENIED).build());

    assertThat(away.modelDirectory(HubLab.ID, small -> {})).exists();
    assertThat(away.download(HubLab.MODEL, "config.json")).exists();
    assertThat(lab.time.pauses()).isEmpty(); // asked once, as there is something to go on with
  }

  @Test
  void notCachedSaysWhatIsMissing() throws IOException {
    lab.client().modelDirectory(HubLab.ID, small -> {});
    Files.delete(lab.pointer(HubLab.WEIGHTS));
    lab.hub.forgetRequests();

    HubException failure =
        HubLab.failure(() -> lab.offline().modelDirectory(HubLab.ID, small -> {}));

    assertThat(failure.kind()).isEqualTo(Kind.OFFLINE);
    assertThat(failure).hasMessageContaining(HubLab.WEIGHTS).hasMessageContaining("HF_HUB_OFFLINE");
    assertThat(HubLab.failure(() -> lab.offline().adapterDirectory("me/none")).kind())
        .isEqualTo(Kind.OFFLINE);
    assertThat(HubLab.failure(() -> lab.offline().download(HubLab.MODEL, "README.md")).kind())
        .isEqualTo(Kind.OFFLINE);
    assertThat(lab.hub.requests()).isEmpty();
  }

  @Test
  void environmentIsTheHubsTools() throws IOException {
    Map<String, String> environment =
        Map.of(
            "HF_HUB_OFFLINE", "1",
            "HF_HOME", directory.resolve("home").toString(),
            "HF_ENDPOINT", "https://mirror.example/",
            "HF_HUB_DOWNLOAD_TIMEOUT", "77");
    HubOptions options = HubOptions.builder(environment).build();

    assertThat(options.offline()).isTrue();
    assertThat(options.cache()).isEqualTo(directory.resolve("home/hub"));
    assertThat(options.endpoint()).isEqualTo(URI.create("https://mirror.example"));
    assertThat(options.timeout()).hasSeconds(77);
    assertThat(options.token().find()).isEmpty();

    Files.createDirectories(directory.resolve("home"));
    Files.writeString(directory.resolve("home/token"), "hf_file\n");
    assertThat(options.token().find()).contains("hf_file");
    assertThat(options.toString()).doesNotContain("hf_file");
  }

  @Test
  void explicitTokenComesBeforeTheEnvironments() throws IOException {
    Map<String, String> environment = Map.of("HF_TOKEN", "hf_env", "HOME", directory.toString());

    assertThat(HubOptions.builder(environment).build().token().find()).contains("hf_env");
    assertThat(HubOptions.builder(environment).token("hf_mine").build().token().find())
        .contains("hf_mine");
    assertThat(HubOptions.builder(environment).anonymous().build().token().find()).isEmpty();
    assertThat(
            HubOptions.builder(Map.of("HF_TOKEN", "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"))
                .build()
                .token()
                .find())
        .isEmpty();
  }

  @Test
  void cacheIsWhereTheEnvironmentSays() {
    assertThat(HubOptions.builder(Map.of("HOME", "/home/me")).build().cache())
        .isEqualTo(Path.of("/home/me/.cache/huggingface/hub"));
    assertThat(
            HubOptions.builder(Map.of("HOME", "/home/me", "XDG_CACHE_HOME", "/x")).build().cache())
        .isEqualTo(Path.of("/x/huggingface/hub"));
    assertThat(
            HubOptions.builder(Map.of("HOME", "/home/me", "HF_HUB_CACHE", "~/c/$NAME", "NAME", "n"))
                .build()
                .cache())
        .isEqualTo(Path.of("/home/me/c/n"));
  }
}
