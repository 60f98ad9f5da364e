package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.hub.HubProgress;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.hub.testing.HubDouble;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DownloadModelTest {

  @TempDir Path cache;
  private HubDouble hub;

  @BeforeEach
  void start() throws IOException {
    hub = HubDouble.start();
    var model = hub.store().model("me/tiny");
    model.commitText(
        Map.of("config.json", "{}", "tokenizer.json", "{}", "tokenizer_config.json", "{}"));
    model.commit("model.safetensors", new byte[5000]);
    var adapter = hub.store().model("me/adapter");
    adapter.commitText(Map.of("adapter_config.json", "{}", "README.md", "x"));
    adapter.commit("adapter_model.safetensors", new byte[50]);
  }

  @AfterEach
  void stop() {
    assertThat(hub.failures()).isEmpty();
    hub.close();
  }

  private Ran download(String... more) {
    String[] args = new String[more.length + 2];
    args[0] = "--endpoint=" + hub.endpoint();
    args[1] = "--cache=" + cache;
    System.arraycopy(more, 0, args, 2, more.length);
    return Ran.example(DownloadModel::new, args);
  }

  @Test
  void modelIsLoadedAndItsDirectoryPrinted() {
    Ran ran = download("me/tiny");

    assertThat(ran.exitCode()).isZero();
    assertThat(Path.of(ran.out().strip()).resolve("model.safetensors")).hasSize(5000);
    assertThat(ran.err()).contains("[##############################] 100%  5.0 kB of 5.0 kB");
  }

  @Test
  void adapterIsFoundOutByItsConfiguration() {
    Ran ran = download("me/adapter");

    assertThat(ran.exitCode()).isZero();
    assertThat(Path.of(ran.out().strip()).resolve("adapter_model.safetensors")).exists();
    assertThat(Path.of(ran.out().strip()).resolve("README.md")).doesNotExist();
  }

  @Test
  void patternsChooseFiles() {
    Ran ran = download("--include=*.md", "me/adapter");

    assertThat(Path.of(ran.out().strip())).isDirectoryContaining("glob:**README.md");
  }

  @Test
  void offlineUsesTheCache() {
    download("me/tiny");
    hub.forgetRequests();

    Ran ran = download("--offline", "me/tiny");

    assertThat(ran.exitCode()).isZero();
    assertThat(hub.requests()).isEmpty();
  }

  @Test
  void missingModelIsOneLine() {
    Ran ran = download("me/none");

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines()).singleElement().asString().contains("'me/none' is not at");
  }

  @Test
  void barSaysBytesRateAndTime() {
    HubProgress third =
        new HubProgress(HubRepository.model("me/x"), 3, 1, 1_000_000_000, 3_000_000_000L, 1e7);

    assertThat(TransferBar.line(third))
        .isEqualTo(
            "[##########....................]  33%  1.00 GB of 3.00 GB  10.0 MB/s  3:20 left "
                + " 1 of 3 files");
  }
}
