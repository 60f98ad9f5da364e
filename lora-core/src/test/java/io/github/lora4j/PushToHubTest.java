package io.github.lora4j;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.lora4j.hub.HubCommit;
import io.github.lora4j.hub.HubException;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.hub.HubUploader;
import io.github.lora4j.hub.PushOptions;
import io.github.lora4j.hub.testing.DoubleFile;
import io.github.lora4j.hub.testing.DoubleRepository;
import io.github.lora4j.hub.testing.HubDouble;
import io.github.lora4j.hub.testing.UploadRoutes;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An adapter goes to the hub. */
class PushToHubTest {

  private static final String TOKEN = "hf_neverToBeSeen";

  @TempDir Path temp;
  private HubDouble hub;
  private PeftModel<FloatMlp> peft;

  @BeforeEach
  void start() throws IOException {
    hub = HubDouble.start();
    UploadRoutes.addTo(hub);
    hub.store().addUser(TOKEN, "me");
    peft = adapter("acme/mlp");
  }

  @AfterEach
  void stop() {
    peft.close();
    assertThat(hub.failures()).isEmpty();
    hub.close();
  }

  private static PeftModel<FloatMlp> adapter(String base) {
    return PeftModel.wrap(
        FloatMlp.random(7, 6, 8, 3, 2),
        LoraConfig.builder().rank(4).alpha(8).targetModules("up").baseModel(base).build());
  }

  private HubOptions options() {
    return HubOptions.builder(Map.of()).endpoint(hub.endpoint()).token(TOKEN).retries(0).build();
  }

  private Map<String, DoubleFile> pushed(HubCommit commit) {
    DoubleRepository found = hub.store().find("models", commit.repository().id()).orElseThrow();
    return found.files(commit.id());
  }

  private static String text(DoubleFile file) {
    return new String(file.bytes(), StandardCharsets.UTF_8);
  }

  @Test
  void adapterItsConfigAndItsCardAreOneCommit() throws IOException {
    peft.save(temp.resolve("saved"));

    HubCommit commit = peft.pushToHub("me/squad", options());

    Map<String, DoubleFile> files = pushed(commit);
    assertThat(files)
        .containsOnlyKeys(
            ".gitattributes", "README.md", "adapter_config.json", "adapter_model.safetensors");
    for (String name : new String[] {"adapter_config.json", "adapter_model.safetensors"}) {
      assertThat(requireNonNull(files.get(name)).bytes())
          .isEqualTo(Files.readAllBytes(temp.resolve("saved").resolve(name)));
    }
    assertThat(commit.address()).hasToString(hub.endpoint() + "/me/squad/commit/" + commit.id());
  }

  @Test
  void cardTellsHowToLoadItFromTheHub() throws IOException {
    String card =
        text(requireNonNull(pushed(peft.pushToHub("me/squad", options())).get("README.md")));

    assertThat(card)
        .startsWith("---\nbase_model: acme/mlp\n")
        .contains("PeftModel.fromPretrained(base, \"me/squad\")")
        .contains("PeftModel.from_pretrained(base, \"me/squad\")");
  }

  @Test
  void baseThatIsNotOnTheHubIsNotInTheFrontMatter() throws IOException {
    try (PeftModel<FloatMlp> local = adapter("/models/mlp")) {
      HubCommit commit = local.pushToHub("me/squad", options());

      Map<String, DoubleFile> files = pushed(commit);
      assertThat(text(requireNonNull(files.get("README.md"))))
          .startsWith("---\nlibrary_name: peft\n")
          .contains("A LoRA adapter for /models/mlp.");
      assertThat(text(requireNonNull(files.get("adapter_config.json"))))
          .contains("\"base_model_name_or_path\": \"/models/mlp\"");
    }
  }

  @Test
  void givenDirectoryHoldsWhatWasPushed() throws IOException {
    Path directory = temp.resolve("mine");
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("README.md"), "---\nlicense: mit\n---\nBy hand.\n");
    Files.writeString(directory.resolve("secrets.txt"), "not an adapter's");

    HubCommit commit = peft.pushToHub(directory, "squad", options(), PushOptions.defaults());

    Map<String, DoubleFile> files = pushed(commit);
    assertThat(commit.repository().id()).isEqualTo("me/squad");
    assertThat(text(requireNonNull(files.get("README.md")))).contains("By hand.");
    assertThat(files).doesNotContainKey("secrets.txt");
    assertThat(directory.resolve("adapter_config.json")).exists();
  }

  @Test
  void nothingStaysOnDiskWhenAllIsCommitted() throws IOException {
    String base = "acme/" + UUID.randomUUID();

    try (PeftModel<FloatMlp> unique = adapter(base)) {
      unique.pushToHub("me/squad", options());
    }

    assertThat(leftovers(base)).isEmpty();
  }

  /** Directories that a push of an adapter of this base left, whoever else pushes meanwhile. */
  private static List<Path> leftovers(String base) throws IOException {
    List<Path> left = new ArrayList<>();
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    try (DirectoryStream<Path> found = Files.newDirectoryStream(temporary, "lora4j-push*")) {
      for (Path directory : found) {
        Path config = directory.resolve("adapter/adapter_config.json");
        if (Files.exists(config) && Files.readString(config).contains(base)) {
          left.add(directory);
        }
      }
    }
    return left;
  }

  @Test
  void failedPushLeavesTheFilesAndSaysWhatToRepeat() throws IOException {
    hub.add(
        exchange ->
            exchange.path().contains("/commit/") && exchange.refuse(500, "", "out of order"));

    HubException failure =
        catchThrowableOfType(
            HubException.class,
            () -> peft.pushToHub("me/squad", options(), PushOptions.defaults()));

    Matcher named = Pattern.compile("the files are in '(.*?)'").matcher(failure.getMessage());
    assertThat(named.find()).isTrue();
    Path left = Path.of(named.group(1));
    assertThat(failure).hasMessageContaining("PushAdapter '" + left + "' me/squad");
    assertThat(leftovers("acme/mlp")).contains(requireNonNull(left.getParent()));
    assertThat(left.toFile().list())
        .containsExactlyInAnyOrder("README.md", "adapter_config.json", "adapter_model.safetensors");
    try (HubDouble working = HubDouble.start()) {
      UploadRoutes.addTo(working);
      working.store().addUser(TOKEN, "me");
      HubOptions there =
          HubOptions.builder(Map.of()).endpoint(working.endpoint()).token(TOKEN).build();
      HubUploader.of(there)
          .push(
              HubRepository.model("me/squad"),
              left,
              List.of("adapter_config.json", "adapter_model.safetensors", "README.md"),
              PushOptions.defaults());
      assertThat(working.store().find("models", "me/squad")).isPresent();
    }
    for (String file : requireNonNull(left.toFile().list())) {
      Files.delete(left.resolve(file));
    }
    Files.delete(left);
    Files.delete(requireNonNull(left.getParent()));
  }

  @Test
  void idThatIsNoneIsRefusedBeforeAnythingIsSent() {
    for (String id : new String[] {"../me", "a/b/c", "me/", "", "me/x y"}) {
      assertThatThrownBy(() -> peft.pushToHub(id, options()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is no id of a repository");
    }
    assertThat(hub.requests()).isEmpty();
  }
}
