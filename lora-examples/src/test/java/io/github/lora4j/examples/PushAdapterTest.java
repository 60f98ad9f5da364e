package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.hub.testing.DoubleFile;
import io.github.lora4j.hub.testing.HubDouble;
import io.github.lora4j.hub.testing.UploadRoutes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example pushes to a double. */
class PushAdapterTest {

  private static final String TOKEN = "hf_neverToBeSeen";

  @TempDir Path directory;
  private HubDouble hub;

  @BeforeEach
  void start() throws IOException {
    hub = HubDouble.start();
    UploadRoutes.addTo(hub);
    hub.store().addUser(TOKEN, "me");
    for (String file : new String[] {"adapter_config.json", "adapter_model.safetensors"}) {
      Files.copy(TinyFiles.core("mlp/both-targets").resolve(file), directory.resolve(file));
    }
  }

  @AfterEach
  void stop() {
    assertThat(hub.failures()).isEmpty();
    hub.close();
  }

  private Ran push(String... more) {
    String[] args = new String[more.length + 2];
    args[0] = directory.toString();
    args[1] = "--endpoint=" + hub.endpoint();
    System.arraycopy(more, 0, args, 2, more.length);
    return Ran.example(
        (page, interruption) ->
            new PushAdapter(page, interruption, options -> options.token(TOKEN).retries(0)),
        args);
  }

  private Map<String, DoubleFile> at(String revision) {
    return hub.store()
        .find("models", "me/mlp")
        .map(found -> found.files(found.resolve(revision).orElseThrow()))
        .orElseThrow();
  }

  @Test
  void adapterIsCommittedAndItsAddressPrinted() throws IOException {
    Files.writeString(directory.resolve("README.md"), "---\nlibrary_name: peft\n---\n");

    Ran ran = push("mlp", "--create", "PRIVATE", "--message", "Hi");

    assertThat(ran.exitCode()).isZero();
    assertThat(ran.out())
        .contains("rank ")
        .contains("committed: " + hub.endpoint() + "/me/mlp/commit/");
    assertThat(at("main"))
        .containsOnlyKeys(
            ".gitattributes", "README.md", "adapter_config.json", "adapter_model.safetensors");
    assertThat(Objects.requireNonNull(at("main").get("adapter_model.safetensors")).bytes())
        .isEqualTo(Files.readAllBytes(directory.resolve("adapter_model.safetensors")));
    assertThat(hub.store().find("models", "me/mlp").orElseThrow().isPrivate()).isTrue();
    assertThat(ran.err()).contains("] 100%  ", "3 of 3 files");
  }

  @Test
  void secondPushSaysThatAllIsThere() {
    push("me/mlp");

    Ran again = push("me/mlp");

    assertThat(again.out())
        .contains("there is no README.md, so the adapter goes without a card")
        .contains("the hub has all of it already: ");
  }

  @Test
  void branchAndPullRequestAreAsAsked() {
    push("me/mlp", "--branch", "v2");
    Ran request = push("me/mlp", "--pull-request");

    assertThat(at("v2")).hasSize(3);
    assertThat(at("main")).hasSize(1);
    assertThat(at("refs/pr/1")).hasSize(3);
    assertThat(request.out()).contains("committed: " + hub.endpoint() + "/me/mlp/discussions/1");
  }

  @Test
  void failureIsOneLineThatSaysWhatToRepeat() {
    hub.add(
        exchange -> exchange.path().contains("/commit/") && exchange.refuse(403, "", "read-only"));

    Ran ran = push("me/mlp");

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines().filter(line -> line.startsWith("lora4j: ")))
        .singleElement()
        .asString()
        .contains("read-only", "nothing was committed", "PushAdapter '" + directory + "' me/mlp")
        .doesNotContain(TOKEN);
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    Files.move(
        directory.resolve("adapter_model.safetensors"), directory.resolve("adapter_model.bin"));

    Ran ran = push("me/mlp");

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err()).contains("missing; ConvertAdapter makes it from adapter_model.bin");
    assertThat(hub.requests()).isEmpty();
  }
}
