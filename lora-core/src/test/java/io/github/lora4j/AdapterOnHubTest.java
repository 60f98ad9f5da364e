package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.hub.HubException;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.testing.DoubleRepository;
import io.github.lora4j.hub.testing.HubDouble;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An adapter's id is as good as its directory. */
class AdapterOnHubTest {

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 2);

  @TempDir Path temp;

  private HubDouble hub;

  @BeforeEach
  void start() throws IOException {
    hub = HubDouble.start();
    new SavedAdapters(base, temp).with("mail", 2, "up").with("other", 3, "up");
    commit(hub.store().model("me/mail"), "", "mail");
  }

  @AfterEach
  void stop() {
    assertThat(hub.failures()).isEmpty();
    hub.close();
  }

  private void commit(DoubleRepository repository, String prefix, String saved) throws IOException {
    for (String name : new String[] {"adapter_config.json", "adapter_model.safetensors"}) {
      repository.commit(prefix + name, Files.readAllBytes(temp.resolve(saved).resolve(name)));
    }
  }

  private HubOptions.Builder options() {
    return HubOptions.builder(Map.of()).endpoint(hub.endpoint()).cache(temp.resolve("hub"));
  }

  @Test
  void adapterOfAnIdIsTheSameAsThatOfItsDirectory() throws IOException {
    HubOptions options = options().build();

    try (PeftModel<FloatMlp> local = PeftModel.fromPretrained(base, temp.resolve("mail"));
        PeftModel<FloatMlp> named = PeftModel.fromPretrained(base, "me/mail", options);
        PeftModel<FloatMlp> trainable = PeftModel.fromPretrained(base, "me/mail", options, true);
        PeftModel<FloatMlp> ofSource =
            PeftModel.fromPretrained(base, AdapterSource.hub(options), "me/mail")) {
      assertThat(named.tensors()).isEqualTo(local.tensors());
      assertThat(ofSource.tensors()).isEqualTo(local.tensors());
      assertThat(trainable.trainable()).isTrue();
    }
  }

  @Test
  void cachedAdapterNeedsNoConnection() throws IOException {
    PeftModel.fromPretrained(base, "me/mail", options().build()).close();
    hub.forgetRequests();

    PeftModel.fromPretrained(base, "me/mail", options().offline(true).build()).close();

    assertThat(hub.requests()).isEmpty();
  }

  @Test
  void revisionAndSubfolderChooseTheAdapter() throws IOException {
    DoubleRepository repository = hub.store().find("models", "me/mail").orElseThrow();
    repository.point("v1", repository.resolve("main").orElseThrow());
    commit(repository, "", "other");
    commit(repository, "small/", "mail");

    try (PeftModel<FloatMlp> now = PeftModel.fromPretrained(base, "me/mail", options().build());
        PeftModel<FloatMlp> old =
            PeftModel.fromPretrained(base, "me/mail", options().revision("v1").build());
        PeftModel<FloatMlp> small =
            PeftModel.fromPretrained(base, "me/mail", options().subfolder("small").build())) {
      assertThat(now.config().rank()).isEqualTo(3);
      assertThat(old.config().rank()).isEqualTo(2);
      assertThat(small.config().rank()).isEqualTo(2);
    }
  }

  @Test
  void directoryOfThatNameWins() throws IOException {
    try (PeftModel<FloatMlp> local =
        PeftModel.fromPretrained(base, temp.resolve("other").toString(), options().build())) {
      assertThat(local.config().rank()).isEqualTo(3);
    }
    assertThat(hub.requests()).isEmpty();
  }

  @Test
  void whatIsNeitherIsSaid() {
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, "me/none", options().build()))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("there is no directory 'me/none'");
    assertThatThrownBy(() -> PeftModel.fromPretrained(base, temp + "/nowhere"))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("nowhere: not a directory, and no id on the hub");
    assertThatThrownBy(() -> AdapterSource.hub(options().build()).fetch(temp + "/mail"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no id of a repository");
  }

  @Test
  void savingOpensNoConnection() throws IOException {
    HubOptions options = options().build();
    try (PeftModel<FloatMlp> named = PeftModel.fromPretrained(base, "me/mail", options)) {
      hub.forgetRequests();

      named.save(temp.resolve("saved"));
    }

    assertThat(temp.resolve("saved/adapter_model.safetensors")).exists();
    assertThat(hub.requests()).isEmpty();
  }
}
