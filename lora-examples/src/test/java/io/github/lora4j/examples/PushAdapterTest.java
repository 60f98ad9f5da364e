package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubProgress;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.hub.testing.DoubleFile;
import io.github.lora4j.hub.testing.HubDouble;
import io.github.lora4j.hub.testing.UploadRoutes;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
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

  private final StringWriter bar = new StringWriter();
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

  private Ran push(boolean terminal, String... args) {
    HubOptions.Builder options =
        HubOptions.builder(Map.of()).endpoint(hub.endpoint()).token(TOKEN).retries(0);
    TransferBar drawn = new TransferBar(new PrintWriter(bar, true), terminal);
    return Ran.example(
        (page, interruption) -> new PushAdapter(page, interruption, options, drawn), args);
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

    Ran ran = push(false, directory.toString(), "mlp", "--create", "PRIVATE", "--message", "Hi");

    assertThat(ran.err()).isEmpty();
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
    assertThat(bar.toString()).contains("100% [========================]", "3/3 files");
  }

  @Test
  void secondPushSaysThatAllIsThere() {
    push(false, directory.toString(), "me/mlp");

    Ran again = push(false, directory.toString(), "me/mlp");

    assertThat(again.out())
        .contains("there is no README.md, so the adapter goes without a card")
        .contains("the hub has all of it already: ");
  }

  @Test
  void branchAndPullRequestAreAsAsked() {
    push(false, directory.toString(), "me/mlp", "--branch", "v2");
    Ran request = push(false, directory.toString(), "me/mlp", "--pull-request");

    assertThat(at("v2")).hasSize(3);
    assertThat(at("main")).hasSize(1);
    assertThat(at("refs/pr/1")).hasSize(3);
    assertThat(request.out()).contains("committed: " + hub.endpoint() + "/me/mlp/discussions/1");
  }

  @Test
  void failureIsOneLineThatSaysWhatToRepeat() {
    hub.add(
        exchange -> exchange.path().contains("/commit/") && exchange.refuse(403, "", "read-only"));

    Ran ran = push(false, directory.toString(), "me/mlp");

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines())
        .singleElement()
        .asString()
        .contains("read-only", "nothing was committed", "PushAdapter '" + directory + "' me/mlp")
        .doesNotContain(TOKEN);
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    Files.move(
        directory.resolve("adapter_model.safetensors"), directory.resolve("adapter_model.bin"));

    Ran ran = push(false, directory.toString(), "me/mlp");

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err()).contains("missing; ConvertAdapter makes it from adapter_model.bin");
    assertThat(hub.requests()).isEmpty();
  }

  @Test
  void barIsOneLineOnATerminal() {
    TransferBar drawn = new TransferBar(new PrintWriter(bar, true), true);
    HubRepository repository = HubRepository.model("me/mlp");

    drawn.accept(new HubProgress(repository, 2, 0, 5_000_000, 20_000_000, 1e6));
    drawn.accept(new HubProgress(repository, 2, 2, 20_000_000, 20_000_000, 1e6));

    assertThat(bar.toString())
        .startsWith(
            "\r 25% [======                  ] 5.0/20.0 MB  0/2 files  1.0 MB/s  eta 0:00:15")
        .contains("\r100% [========================] 20.0/20.0 MB  2/2 files")
        .endsWith(System.lineSeparator());
    assertThat(bar.toString().split("\r", -1)[1]).hasSize(79);
  }
}
