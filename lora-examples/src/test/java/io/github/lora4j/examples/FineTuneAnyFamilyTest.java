package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The walkthrough on bases other than BLOOM, nothing given but {@code --model} and the data. */
class FineTuneAnyFamilyTest {

  private final Path directory;
  private final Path output;

  FineTuneAnyFamilyTest(@TempDir Path directory) {
    this.directory = directory;
    this.output = directory.resolve("output");
  }

  private Ran walk(Path model, String... more) throws IOException {
    List<String> args =
        new ArrayList<>(
            List.of(
                "--model=" + model,
                "--data=" + TinyFiles.squad(directory, 6),
                "--output=" + output,
                "--batch-size=1",
                "--accumulation=2",
                "--evaluate=2",
                "--steps=2"));
    args.addAll(List.of(more));
    return Ran.example(FineTuneBloomOnSquad::new, args.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource({
    "falcon/multi-query, FalconForCausalLM, query_key_value",
    "gemma3_text/local-and-global, Gemma3ForCausalLM, q_proj v_proj",
    "gemma2/capped, Gemma2ForCausalLM, q_proj v_proj",
    "gpt_neox/parallel, GPTNeoXForCausalLM, query_key_value",
    "llama/dynamic-rope, LlamaForCausalLM, q_proj v_proj",
    "mistral/window, MistralForCausalLM, q_proj v_proj",
    "phi/plain, PhiForCausalLM, fc1 fc2 q_proj v_proj",
    "phi3/window, Phi3ForCausalLM, qkv_proj",
    "qwen2/window-yarn, Qwen2ForCausalLM, q_proj v_proj",
    "qwen3/tied, Qwen3ForCausalLM, q_proj v_proj",
  })
  void walkthroughTakesAnyFamilyWithItsCustomaryTargets(
      String name, String modelClass, String targets) throws IOException {
    Ran ran = walk(TinyFiles.family(name));

    assertThat(ran.err()).isEmpty();
    assertThat(ran.exitCode()).isZero();
    assertThat(ran.out())
        .containsSubsequence(
            "1. The base model",
            modelClass + "(",
            "2. The plan",
            "LoRA for " + modelClass,
            "3. Before training",
            "What is the best food?",
            "4. Train",
            "trainable params: ",
            "step 2 of 2",
            "5. Save",
            "6. Load",
            "7. After training",
            "exact match ",
            "8. A second task",
            "9. Two adapters on one base",
            "10. Where things are",
            "loss.png");
    JsonObject config =
        JsonParser.parseString(Files.readString(output.resolve("adapter/adapter_config.json")))
            .getAsJsonObject();
    assertThat(config.getAsJsonArray("target_modules"))
        .map(target -> target.getAsString())
        .containsExactly(targets.split(" ", -1));
  }

  @Test
  void otherTargetsCanBeNamed() throws IOException {
    Ran ran = walk(TinyFiles.family("llama/grouped"), "--targets=gate_proj,o_proj");

    assertThat(ran.err()).isEmpty();
    assertThat(ran.out())
        .contains("model.layers.*.mlp.gate_proj", "model.layers.*.self_attn.o_proj");
  }

  /** Learned positions end: a base with fewer than a question has tokens says so in one line. */
  @ParameterizedTest
  @CsvSource({"gpt2/plain, 64", "opt/pre-norm, 64"})
  void baseWithTooFewPositionsSaysSo(String name, int places) throws IOException {
    Ran ran = walk(TinyFiles.family(name));

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines())
        .singleElement()
        .asString()
        .contains("has places for %d tokens".formatted(places));
  }

  @Test
  void familyThatIsNotKnownIsRefusedWithThoseThatAre() throws IOException {
    Path model = directory.resolve("mixtral");
    Files.createDirectories(model);
    try (Stream<Path> files = Files.list(TinyFiles.family("llama/grouped"))) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Path config = model.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace("\"model_type\": \"llama\"", "\"model_type\": \"mixtral\""));

    Ran ran = walk(model);

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines())
        .singleElement()
        .asString()
        .contains("model_type 'mixtral' is not supported", "gpt2", "llama", "qwen3");
    assertThat(output.resolve("adapter")).doesNotExist();
  }
}
