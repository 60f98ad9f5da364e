package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import io.github.lora4j.hub.HubException;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.testing.HubDouble;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of a dataset repository, through the same client and the same readers. */
final class HubDatasetTest {

  @TempDir Path cache;
  private HubDouble hub;

  @BeforeEach
  void start() throws IOException {
    hub = HubDouble.start();
    hub.store()
        .dataset("org/questions")
        .commitText(
            Map.of(
                "README.md", "# Questions\n",
                "dataset_infos.json", "{}",
                "data/train-0.jsonl", "{\"q\": \"a\"}\n",
                "data/train-1.jsonl", "{\"q\": \"b\"}\n{\"q\": \"c\"}\n",
                "data/test.csv", "q\nd\n",
                "chat.json", "[{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}]"));
    hub.store().dataset("org/one").commitText(Map.of("all [1].csv", "q\nx\n", "a.txt", "text"));
    hub.store().dataset("org/none").commitText(Map.of("data.parquet", "PAR1"));
  }

  @AfterEach
  void stop() {
    assertThat(hub.failures()).isEmpty();
    hub.close();
  }

  private HubOptions.Builder options() {
    return HubOptions.builder(Map.of()).endpoint(hub.endpoint()).cache(cache).retries(0);
  }

  private HubDataset dataset(String id) {
    return HubDataset.of(id, options().build());
  }

  @Test
  void filesThatMatchAreReadInTheOrderOfTheirNames() throws IOException {
    assertThat(dataset("org/questions").text("data/train-*.jsonl").records())
        .containsExactly(Map.of("q", "a"), Map.of("q", "b"), Map.of("q", "c"));
    assertThat(dataset("org/questions").text("data/test.csv", "data/train-0.jsonl").records())
        .containsExactly(Map.of("q", "d"), Map.of("q", "a"));
  }

  @Test
  void conversationsAreReadToo() throws IOException {
    assertThat(dataset("org/questions").chat("chat.json").examples())
        .containsExactly(new ChatExample(List.of(new ChatMessage("user", "hi"))));
  }

  @Test
  void onlyFileNeedsNoName() throws IOException {
    assertThat(dataset("org/one").text().records()).containsExactly(Map.of("q", "x"));
  }

  @Test
  void severalFilesAreNeverMixedUnasked() {
    assertThatThrownBy(() -> dataset("org/questions").text())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "dataset 'org/questions' has several files, name those to read: [chat.json,"
                + " data/test.csv, data/train-0.jsonl, data/train-1.jsonl]");
  }

  @Test
  void whatIsNotThereIsSaidWithWhatIs() {
    assertThatThrownBy(() -> dataset("org/questions").text("train.csv"))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining(
            "train.csv: no such file in dataset 'org/questions'; it has [chat.json");
    assertThatThrownBy(() -> dataset("org/none").text())
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("has no .json, .jsonl, .ndjson or .csv file; it has [data.parquet]");
    assertThatThrownBy(() -> dataset("org/unknown").text("a.csv"))
        .isInstanceOfSatisfying(
            HubException.class,
            e -> assertThat(e.kind()).isEqualTo(HubException.Kind.REPOSITORY_NOT_FOUND));
  }

  @Test
  void subfolderIsWhereNamesBegin() throws IOException {
    HubDataset data = HubDataset.of("org/questions", options().subfolder("data").build());

    assertThat(data.files()).containsExactly("test.csv", "train-0.jsonl", "train-1.jsonl");
    assertThat(data.text("test.csv").records()).containsExactly(Map.of("q", "d"));
  }

  @Test
  void onceLoadedTheyAreReadOffline() throws IOException {
    dataset("org/questions").text("data/train-*.jsonl");
    hub.forgetRequests();

    HubDataset offline = HubDataset.of("org/questions", options().offline(true).build());

    assertThat(offline.text("data/train-*.jsonl").size()).isEqualTo(3);
    assertThat(hub.requests()).isEmpty();
  }

  @Test
  void refusalsNameTheFileAndItsLine() {
    hub.store().dataset("org/questions").commitText(Map.of("bad.jsonl", "{}\n\nno\n"));

    assertThatThrownBy(() -> dataset("org/questions").text("bad.jsonl"))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("bad.jsonl: line 3 is no JSON object");
  }
}
