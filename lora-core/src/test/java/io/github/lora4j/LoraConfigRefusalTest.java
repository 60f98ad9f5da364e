package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a configuration file cannot say is refused by the name of the setting, all at once. */
class LoraConfigRefusalTest {

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "lora_bias ¦ true ¦ false",
        "use_qalora ¦ true ¦ false",
        "ensure_weight_tying ¦ true ¦ false",
        "use_bdlora ¦ {\"a\":1} ¦ null",
        "loftq_config ¦ {\"loftq_bits\":4} ¦ {}",
        "eva_config ¦ {\"rho\":2.0} ¦ null",
        "corda_config ¦ {\"a\":1} ¦ null",
        "kasa_config ¦ {\"a\":1} ¦ null",
        "monteclora_config ¦ {\"a\":1} ¦ null",
        "velora_config ¦ {\"a\":1} ¦ null",
        "lora_ga_config ¦ {\"a\":1} ¦ null",
        "arrow_config ¦ {\"a\":1} ¦ null",
        "alora_invocation_tokens ¦ [1,2] ¦ null",
        "layer_replication ¦ [[0,4],[2,5]] ¦ null",
        "megatron_config ¦ {\"a\":1} ¦ null",
        "target_parameters ¦ [\"experts.gate\"] ¦ null",
        "trainable_token_indices ¦ [0] ¦ null",
        "enable_lora ¦ [true,false,true] ¦ null"
      })
  void settingThatIsNotSupportedIsRefusedByName(String key, String value, String only)
      throws IOException {
    refused(
        "\"%s\":%s".formatted(key, value),
        "%s is %s, which is not supported; only %s is".formatted(key, value, only));
  }

  @Test
  void refusalSaysOnceWhatToDo() throws IOException {
    Path file = write("{\"peft_type\":\"LORA\",\"lora_bias\":true,\"use_qalora\":true}");

    assertThatThrownBy(() -> LoraConfig.read(file))
        .hasMessage(
            file
                + ": lora_bias is true, which is not supported; only false is; use_qalora is true,"
                + " which is not supported; only false is; train the adapter without, or run it"
                + " with PEFT");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "pissa_niter_",
        "pissa_",
        "eva",
        "corda",
        "loftq",
        "orthogonal",
        "mica",
        "lora_ga"
      })
  void initialisationThatIsNotSupportedIsRefusedByName(String init) throws IOException {
    refused(
        "\"init_lora_weights\":\"%s\"".formatted(init),
        "init_lora_weights is \"%s\", which is not supported".formatted(init));
  }

  @Test
  void everyProblemOfAFileIsInOneMessage() throws IOException {
    refused(
        "\"r\":1.5,\"lora_alpha\":\"x\",\"lora_dropout\":2,\"use_dora\":2,\"bias\":\"some\","
            + "\"task_type\":\"DANCE\",\"use_rslora\":1,\"target_modules\":[1],\"rank_pattern\":[]",
        "r must be a whole number of 32 bits, got 1.5",
        "lora_alpha must be a number, got \"x\"",
        "dropout must be in [0, 1), got 2.0",
        "use_dora must be true or false, got 2",
        "bias is 'some', wanted one of [NONE, ALL, LORA_ONLY]",
        "task_type is 'DANCE', wanted one of [SEQ_CLS",
        "use_rslora must be true or false, got 1",
        "target_modules must be texts, got 1",
        "rank_pattern must be an object, got []");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "r",
        "lora_alpha",
        "lora_dropout",
        "target_modules",
        "bias",
        "task_type",
        "use_rslora",
        "rank_pattern",
        "alpha_pattern",
        "layers_to_transform",
        "layers_pattern",
        "init_lora_weights",
        "base_model_name_or_path",
        "revision",
        "fan_in_fan_out",
        "exclude_modules",
        "peft_type"
      })
  void valueOfAnotherTypeIsRefusedByName(String key) throws IOException {
    for (String value : new String[] {"{\"a\":{}}", "[[]]", "[null]", "[{}]"}) {
      Path file = write("{\"peft_type\":\"LORA\",\"%s\":%s}".formatted(key, value));

      assertThatThrownBy(() -> LoraConfig.read(file))
          .as("%s: %s", key, value)
          .isInstanceOf(LoraException.class)
          .hasMessageStartingWith(file + ": ")
          .hasMessageContaining(key);
    }
  }

  @Test
  void integersBeyondTheirRangeAreRefused() throws IOException {
    refused("\"r\":4294967304", "r must be a whole number of 32 bits, got 4294967304");
    refused("\"r\":1e400", "r must be a whole number of 32 bits, got 1e400");
  }

  @Test
  void otherMethodIsRefusedByName() throws IOException {
    Path file = write("{\"peft_type\":\"PROMPT_TUNING\"}");

    assertThatThrownBy(() -> LoraConfig.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            file
                + ": peft_type 'PROMPT_TUNING' is not supported; wanted LORA, run this one with"
                + " PEFT");
  }

  @Test
  void fileWithoutATypeIsRefused() throws IOException {
    Path file = write("{\"r\":8}");

    assertThatThrownBy(() -> LoraConfig.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            file
                + ": has no peft_type; wanted PEFT's adapter_config.json with peft_type LORA, found"
                + " the keys [r]; have the adapter saved by PEFT");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "nonsense",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"peft_type\":\"LORA\"} x",
        "{\"a\":NaN}"
      })
  void textThatIsNotJsonIsRefused(String text) throws IOException {
    Path file = write(text);

    assertThatThrownBy(() -> LoraConfig.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(file.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "1", "null", "\"LORA\""})
  void jsonThatIsNoObjectIsRefused(String text) throws IOException {
    Path file = write(text);

    assertThatThrownBy(() -> LoraConfig.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessage(file + ": wanted a JSON object, got " + text);
  }

  @Test
  void bytesThatAreNotUtf8AreRefused() throws IOException {
    Path file = directory.resolve("adapter_config.json");
    Files.write(file, new byte[] {'{', '"', (byte) 0xFF, '"', ':', '1', '}'});

    assertThatThrownBy(() -> LoraConfig.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessage(file + " is not UTF-8");
  }

  @Test
  void hugeFileIsRefusedUnread() throws IOException {
    Path file = write(" ".repeat(10_000_001));

    assertThatThrownBy(() -> LoraConfig.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("has 10000001 bytes, at most 10000000 are read");
  }

  @Test
  void nestingWithoutEndIsRefused() throws IOException {
    Path file = write("{\"peft_type\":\"LORA\",\"x\":" + "[".repeat(200_000));

    assertThatThrownBy(() -> LoraConfig.read(file)).isInstanceOf(LoraException.class);
  }

  @Test
  void missingFileIsNamed() {
    assertThatThrownBy(() -> LoraConfig.read(directory))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("adapter_config.json: missing");
  }

  @Test
  void damagedFilesAreReadOrRefused() throws IOException {
    byte[] valid = Files.readAllBytes(Golden.path("configs/patterns/adapter_config.json"));
    int refused = 0;
    for (int seed = 0; seed < 1500; seed++) {
      Random random = new Random(seed);
      byte[] bytes = valid.clone();
      for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Path file = Files.write(directory.resolve("seed-" + seed), bytes);
      try {
        assertThat(LoraConfig.read(file).toJson()).isNotEmpty();
      } catch (LoraException e) {
        assertThat(e).hasMessageContaining("seed-" + seed);
        refused++;
      }
      Files.delete(file);
    }
    assertThat(refused).isGreaterThan(500);
  }

  private Path write(String text) throws IOException {
    return Files.write(
        directory.resolve("adapter_config.json"), text.getBytes(StandardCharsets.UTF_8));
  }

  private void refused(String settings, String... parts) throws IOException {
    Path file = write("{\"peft_type\":\"LORA\"," + settings + "}");
    assertThatThrownBy(() -> LoraConfig.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContainingAll(parts);
  }
}
