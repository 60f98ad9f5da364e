package io.github.lora4j.djl.model;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.layer.RotaryFrequencies;
import io.github.lora4j.djl.model.falcon.FalconConfig;
import io.github.lora4j.djl.model.gemma.GemmaConfig;
import io.github.lora4j.djl.model.gptneox.GptNeoxConfig;
import io.github.lora4j.djl.model.llama.LlamaConfig;
import io.github.lora4j.djl.model.llama.LlamaConfig.Family;
import io.github.lora4j.djl.model.phi.PhiConfig;
import io.github.lora4j.djl.model.phi3.Phi3Config;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Configurations of every published size, with what they leave out, against what transformers and
 * PEFT make of them; see {@code tools/golden/published.py}. No weight is read.
 */
final class PublishedSizesTest {

  private static final Path ROOT = Path.of("src/test/resources/golden/published");
  private static final int RANK = 8;

  static List<String> names() throws IOException {
    return List.copyOf(expected().keySet());
  }

  private static JsonObject expected() throws IOException {
    return JsonParser.parseString(Files.readString(ROOT.resolve("expected.json")))
        .getAsJsonObject();
  }

  private static Path config(String name) {
    return ROOT.resolve(name + ".json");
  }

  @ParameterizedTest
  @MethodSource("names")
  void parametersAreAsManyAsPublished(String name) throws IOException {
    ModuleTree tree = CausalLm.modules(config(name));

    assertThat(tree.parameterCount())
        .isEqualTo(expected().getAsJsonObject(name).get("parameters").getAsLong());
  }

  @ParameterizedTest
  @MethodSource("names")
  void treeIsPrintedAsPyTorchPrintsIt(String name) throws IOException {
    ModuleTree tree = CausalLm.modules(config(name));

    assertThat(tree.toString())
        .isEqualTo(Files.readString(ROOT.resolve(name + ".txt")).stripTrailing());
  }

  @ParameterizedTest
  @MethodSource("names")
  void defaultTargetsAreThoseOfPeft(String name) throws IOException {
    JsonObject expected = expected().getAsJsonObject(name);
    ModuleTree tree = CausalLm.modules(config(name));

    LoraPlan plan = LoraPlan.of(tree, LoraConfig.builder().rank(RANK).build());

    String[] targets = new Gson().fromJson(expected.get("targets"), String[].class);
    assertThat(plan.config().targetModules())
        .isInstanceOfSatisfying(
            TargetModules.Names.class,
            found -> assertThat(found.names()).containsExactlyInAnyOrder(targets));
    assertThat(plan.parameterCount().trainable()).isEqualTo(expected.get("trainable").getAsLong());
  }

  /** Windows, angles, caps and scales, which neither the tree nor a count shows. */
  @ParameterizedTest
  @MethodSource("names")
  void settingsAreThoseOfTransformers(String name) throws IOException {
    JsonObject expected = expected().getAsJsonObject(name);
    Json json = Json.read(config(name), "a configuration");
    String family = name.substring(0, name.indexOf('/'));
    int layers = expected.getAsJsonArray("windows").size();

    switch (family) {
      case "llama", "mistral", "qwen2", "qwen3" -> {
        LlamaConfig config = LlamaConfig.of(json, Family.valueOf(family.toUpperCase(Locale.ROOT)));
        assertSettings(expected, config.windows(), Map.of("all", config.rope().frequencies()));
      }
      case "gemma2", "gemma3_text" -> {
        boolean third = family.equals("gemma3_text");
        GemmaConfig config = GemmaConfig.of(json, third);
        assertSettings(
            expected,
            config.windows(),
            third
                ? Map.of(
                    "full_attention", config.global().frequencies(),
                    "sliding_attention", config.local().frequencies())
                : Map.of("all", config.global().frequencies()));
        assertThat(config.scalar()).isEqualTo(expected.get("scalar").getAsDouble());
        assertThat(config.scoreCap()).isEqualTo(expected.get("score_cap").getAsDouble());
        assertThat(config.logitCap()).isEqualTo(expected.get("logit_cap").getAsDouble());
      }
      case "phi3" -> {
        Phi3Config config = Phi3Config.of(json);
        assertSettings(
            expected,
            Collections.nCopies(layers, config.window()),
            Map.of("all", config.rope().frequencies()));
      }
      case "phi" -> {
        RotaryFrequencies found = PhiConfig.of(json).rope().frequencies();
        assertSettings(expected, Collections.nCopies(layers, 0), Map.of("all", found));
      }
      case "gpt_neox" -> {
        RotaryFrequencies found = GptNeoxConfig.of(json).rope().frequencies();
        assertSettings(expected, Collections.nCopies(layers, 0), Map.of("all", found));
      }
      case "falcon" -> {
        FalconConfig config = FalconConfig.of(json);
        assertSettings(
            expected,
            Collections.nCopies(layers, 0),
            config.alibi() ? Map.of() : Map.of("all", config.rope().frequencies()));
      }
      default ->
          assertSettings(expected, Collections.nCopies(layers, 0), Map.of()); // learned positions
    }
  }

  /** Files of Phi-3 from before its scaling was called by the name of its paper. */
  @ParameterizedTest
  @ValueSource(strings = {"su", "yarn"})
  void oldNamesOfLongRopeMeanTheSame(String type, @TempDir Path temp) throws IOException {
    Path today = config("phi3/Phi-3-mini-128k-instruct");
    Path old = temp.resolve("config.json");
    Files.writeString(old, Files.readString(today).replace("\"longrope\"", '"' + type + '"'));

    RotaryFrequencies found = Phi3Config.of(Json.read(old, "a configuration")).rope().frequencies();

    RotaryFrequencies wanted =
        Phi3Config.of(Json.read(today, "a configuration")).rope().frequencies();
    assertThat(found.at(4096)).isEqualTo(wanted.at(4096)).isNotEqualTo(wanted.at(4097));
    assertThat(found.at(4097)).isEqualTo(wanted.at(4097));
    assertThat(found.factor()).isEqualTo(wanted.factor());
  }

  private static void assertSettings(
      JsonObject expected, List<Integer> windows, Map<String, RotaryFrequencies> found) {
    assertThat(windows)
        .containsExactly(new Gson().fromJson(expected.get("windows"), Integer[].class));
    JsonObject frequencies = expected.getAsJsonObject("frequencies");
    Map<String, RotaryFrequencies> unseen = new TreeMap<>(found);
    for (String key : frequencies.keySet()) {
      String kind = key.substring(0, key.indexOf('/'));
      int length = Integer.parseInt(key.substring(key.indexOf('/') + 1));
      RotaryFrequencies actual = requireNonNull(found.get(kind), kind);
      assertFrequencies(key, frequencies.getAsJsonObject(key), actual.at(length), actual.factor());
      unseen.remove(kind);
    }
    assertThat(unseen).isEmpty();
  }

  private static void assertFrequencies(
      String key, JsonObject expected, float[] actual, double factor) {
    int count = expected.get("count").getAsInt();
    assertThat(actual).as(key).hasSize(count);
    assertThat(factor).as(key).isCloseTo(expected.get("factor").getAsDouble(), within(1e-9));
    double[] some = new Gson().fromJson(expected.get("some"), double[].class);
    int[] places = {0, count / 3, 2 * count / 3, count - 1};
    for (int i = 0; i < places.length; i++) {
      assertThat((double) actual[places[i]])
          .as("%s, pair %d", key, places[i])
          .isCloseTo(some[i], within(1e-6 * some[i])); // powers differ in the last bit of fp32
    }
  }
}
