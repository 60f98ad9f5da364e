package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.hub.HubClient;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubPatterns;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.hub.testing.DeniedNetwork;
import io.github.lora4j.hub.testing.DeniedNetwork.Output;
import io.github.lora4j.hub.testing.DoubleRepository;
import io.github.lora4j.hub.testing.HubDouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where no network is needed, none is touched: seen in a JVM that could not. */
class NoNetworkTest {

  @TempDir Path temp;

  private String commit = "";

  @BeforeEach
  void fillTheCache() throws IOException {
    new SavedAdapters(NoNetworkProgram.base(), temp).with("mail", 2, "up");
    try (HubDouble hub = HubDouble.start()) {
      DoubleRepository repository = hub.store().model("me/mail");
      for (String name : new String[] {"adapter_config.json", "adapter_model.safetensors"}) {
        repository.commit(name, Files.readAllBytes(temp.resolve("mail").resolve(name)));
      }
      commit = repository.resolve("main").orElseThrow();
      HubClient.of(
              HubOptions.builder(Map.of())
                  .endpoint(hub.endpoint())
                  .cache(temp.resolve("hub"))
                  .build())
          .snapshot(HubRepository.model("me/mail"), HubPatterns.all());
    }
  }

  private Output run(String cache, String revision, boolean online) throws Exception {
    return DeniedNetwork.run(
        NoNetworkProgram.class,
        temp.resolve(cache).toString(),
        temp.resolve("saved").toString(),
        revision,
        String.valueOf(online));
  }

  @Test
  void loadingFromTheCacheAndSavingOpenNoSocket() throws Exception {
    Output output = run("hub", "main", false);

    assertThat(output.text()).doesNotContain(DeniedNetwork.TRIED);
    assertThat(output.exitCode()).isZero();
    assertThat(temp.resolve("saved/adapter_model.safetensors")).exists();
  }

  @Test
  void fullCommitThatIsCachedOpensNoSocketThoughTheNetworkMayBeUsed() throws Exception {
    Output output = run("hub", commit, true);

    assertThat(output.text()).doesNotContain(DeniedNetwork.TRIED);
    assertThat(output.exitCode()).isZero();
  }

  @Test
  void whatIsNotCachedIsSaidWithoutASocket() throws Exception {
    Output output = run("empty", "main", false);

    assertThat(output.text()).doesNotContain(DeniedNetwork.TRIED).contains("is not cached in");
    assertThat(output.exitCode()).isNotZero();
  }

  /** Holds that the tests above would see a socket. */
  @Test
  void branchThatMayBeAskedForTriesToOpenASocket() throws Exception {
    Output output = run("empty", "main", true);

    assertThat(output.text()).contains(DeniedNetwork.TRIED);
    assertThat(output.exitCode()).isNotZero();
  }
}
