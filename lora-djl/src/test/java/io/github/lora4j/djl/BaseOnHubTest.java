package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.hub.HubException;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.testing.DeniedNetwork;
import io.github.lora4j.hub.testing.DoubleRepository;
import io.github.lora4j.hub.testing.HubDouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A base's id is as good as its directory. */
final class BaseOnHubTest {

  private static final int[] IDS = {4, 5, 6};

  @TempDir Path temp;

  private HubDouble hub;
  private DoubleRepository repository;

  @BeforeEach
  void start() throws IOException {
    hub = HubDouble.start();
    repository = hub.store().model("me/bloom-tiny");
    try (Stream<Path> files = Files.list(TinyCheckpoint.GOLDEN)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        repository.commit(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
  }

  @AfterEach
  void stop() {
    assertThat(hub.failures()).isEmpty();
    hub.close();
  }

  private HubOptions.Builder hubOptions() {
    return HubOptions.builder(Map.of()).endpoint(hub.endpoint()).cache(temp.resolve("hub"));
  }

  private LoadOptions options(boolean offline) {
    return LoadOptions.builder().hub(hubOptions().offline(offline).build()).build();
  }

  @Test
  void baseOfAnIdGivesTheSameBitsAsThatOfItsDirectory() throws IOException {
    try (CausalLm local = CausalLm.load(TinyCheckpoint.GOLDEN.toString());
        CausalLm named = CausalLm.load("me/bloom-tiny", options(false))) {
      assertThat(named.logits(IDS)).isDeepEqualTo(local.logits(IDS));
    }
  }

  @Test
  void cachedBaseAndItsAdapterNeedNoConnection() throws IOException {
    CausalLm.load("me/bloom-tiny", options(false)).close();
    hub.forgetRequests();

    try (CausalLm base = CausalLm.load("me/bloom-tiny", options(true));
        PeftModel<CausalLm> peft =
            PeftModel.wrap(base, LoraConfig.builder().targetModules("query_key_value").build())) {
      peft.save(temp.resolve("adapter"));
      try (PeftModel<CausalLm> again =
          PeftModel.fromPretrained(base, temp.resolve("adapter").toString())) {
        assertThat(again.model().logits(IDS)).isDeepEqualTo(base.logits(IDS));
      }
    }

    assertThat(temp.resolve("adapter/adapter_config.json"))
        .content()
        .contains("\"base_model_name_or_path\": \"me/bloom-tiny\"");
    assertThat(hub.requests()).isEmpty();
  }

  @Test
  void cachedBaseIsLoadedAndSavedWithoutASocket() throws Exception {
    CausalLm.load("me/bloom-tiny", options(false)).close();

    DeniedNetwork.Output output =
        DeniedNetwork.run(
            NoNetworkProgram.class, temp.resolve("hub").toString(), temp.resolve("out").toString());

    assertThat(output.text()).doesNotContain(DeniedNetwork.TRIED);
    assertThat(output.exitCode()).isZero();
    assertThat(temp.resolve("out/base/model.safetensors")).exists();
  }

  @Test
  void unknownFamilyAndTooSmallABudgetAreSaidBeforeTheWeightsAreLoaded() {
    LoadOptions small = LoadOptions.builder().hub(hubOptions().build()).memoryBudget(1000).build();
    assertThatThrownBy(() -> CausalLm.load("me/bloom-tiny", small))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("me/bloom-tiny take");
    repository.commitText(Map.of("config.json", "{\"model_type\":\"unheard-of\"}"));

    assertThatThrownBy(() -> CausalLm.load("me/bloom-tiny", options(false)))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("model_type 'unheard-of' is not supported");

    assertThat(hub.requests()).noneMatch(request -> request.host().equals("storage"));
  }

  @Test
  void missingIdIsSaid() {
    assertThatThrownBy(() -> CausalLm.load("me/none", options(false)))
        .isInstanceOfSatisfying(
            HubException.class,
            e -> assertThat(e.kind()).isEqualTo(HubException.Kind.REPOSITORY_NOT_FOUND))
        .hasMessageContaining("there is no directory 'me/none'");
    assertThat(List.of(hub.requests().get(0).path()))
        .containsExactly("/api/models/me/none/revision/main");
  }
}
