package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Variables mean what they mean to huggingface_hub. */
class HubEnvironmentTest {

  @TempDir Path directory;

  private static HubOptions options(String... variables) {
    Map<String, String> all = new java.util.HashMap<>(Map.of("HOME", "/home/me"));
    for (int i = 0; i < variables.length; i += 2) {
      all.put(variables[i], variables[i + 1]);
    }
    return HubOptions.builder(all).build();
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "true", "TRUE", "yes", "Yes", "on", "ON"})
  void offlineBy(String value) {
    assertThat(options("HF_HUB_OFFLINE", value).offline()).isTrue();
    assertThat(options("TRANSFORMERS_OFFLINE", value).offline()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "false", "no", "off", "", "2"})
  void notOfflineBy(String value) {
    assertThat(options("HF_HUB_OFFLINE", value).offline()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "HF_HOME, ~/hf, /home/me/hf/hub",
    "HF_HOME, $HOME/hf, /home/me/hf/hub",
    "HF_HOME, ${HOME}/hf, /home/me/hf/hub",
    "HF_HOME, /abs, /abs/hub",
    "XDG_CACHE_HOME, /x, /x/huggingface/hub",
    "HF_HUB_CACHE, ~/c, /home/me/c",
    "HUGGINGFACE_HUB_CACHE, /old, /old",
    "HF_HUB_CACHE, '', /home/me/.cache/huggingface/hub"
  })
  void cacheBy(String name, String value, Path cache) {
    assertThat(options(name, value).cache()).isEqualTo(cache);
  }

  @Test
  void narrowerVariableWins() {
    assertThat(options("HF_HOME", "/a", "HF_HUB_CACHE", "/b").cache()).isEqualTo(Path.of("/b"));
    assertThat(options("XDG_CACHE_HOME", "/a", "HF_HOME", "/b").cache())
        .isEqualTo(Path.of("/b/hub"));
  }

  @ParameterizedTest
  @CsvSource({
    "https://mirror.example/, https://mirror.example",
    "https://mirror.example/hf/, https://mirror.example/hf",
    "'', https://huggingface.co"
  })
  void endpointBy(String value, URI endpoint) {
    assertThat(options("HF_ENDPOINT", value).endpoint()).isEqualTo(endpoint);
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://me:secret@host/", "https://me:secret@host with space"})
  void passwordInTheEndpointIsNotShown(String value) {
    assertThatThrownBy(() -> options("HF_ENDPOINT", value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("secret")
        .hasNoCause();
  }

  @ParameterizedTest
  @CsvSource({"'', 10", "0, 10", "77, 77"})
  void timeoutBy(String value, long seconds) {
    assertThat(options("HF_HUB_DOWNLOAD_TIMEOUT", value).timeout()).hasSeconds(seconds);
  }

  @Test
  void tokenIsOfTheEnvironmentThenOfTheFile() throws IOException {
    Path file = Files.writeString(directory.resolve("t"), " hf_file \n");

    assertThat(options("HF_TOKEN", " hf_env\n").token().find()).contains("hf_env");
    assertThat(options("HUGGING_FACE_HUB_TOKEN", "hf_old").token().find()).contains("hf_old");
    assertThat(options("HF_TOKEN", "  ", "HF_TOKEN_PATH", file.toString()).token().find())
        .contains("hf_file");
    assertThat(options("HF_TOKEN_PATH", directory.resolve("none").toString()).token().find())
        .isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "yes"})
  void tokenThatNobodyNamedIsNotUsedIfSwitchedOff(String value) throws IOException {
    Path file = Files.writeString(directory.resolve("t"), "hf_file");

    HubOptions options =
        options(
            "HF_TOKEN",
            "hf_env",
            "HF_TOKEN_PATH",
            file.toString(),
            "HF_HUB_DISABLE_IMPLICIT_TOKEN",
            value);

    assertThat(options.token().find()).isEmpty();
  }

  @Test
  void linksAreNotMadeIfSwitchedOff() {
    assertThat(options("HF_HUB_DISABLE_SYMLINKS", "1").links()).isFalse();
    assertThat(options().links()).isTrue();
  }

  @Test
  void noTextOfTheOptionsShowsTheToken() throws IOException {
    Path file = Files.writeString(directory.resolve("t"), "hf_file");
    HubOptions ofFile = options("HF_TOKEN_PATH", file.toString());
    HubOptions ofVariable = options("HF_TOKEN", "hf_env");
    HubOptions explicit = HubOptions.builder(Map.of()).token("hf_mine").build();

    for (HubOptions each : new HubOptions[] {ofFile, ofVariable, explicit}) {
      assertThat(each.token().find()).isPresent();
      assertThat(each + " " + each.token() + " " + each.token().where())
          .doesNotContain("hf_file", "hf_env", "hf_mine");
    }
  }
}
