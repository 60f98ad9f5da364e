package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.GoldenTensors;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * All that an adapter may bring beside a SequentialBlock, against PEFT on an nn.Sequential of the
 * same weights, at two ranks: {@code tools/golden/block_surface.py}. Tolerance 1e-4, that of PEFT's
 * own tests of merging and of logits after loading.
 */
final class BlockSurfaceGoldenTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/block");
  private static final float TOLERANCE = 1e-4f;

  private final Model model = Model.newInstance("golden");
  private final NDManager manager = model.getNDManager();
  private final Map<String, TensorData> inputs;

  BlockSurfaceGoldenTest() throws IOException {
    this.inputs = GoldenTensors.read(GOLDEN.resolve("inputs.safetensors"));
  }

  private record Case(Path directory, JsonObject manifest, Map<String, TensorData> expected) {
    static Case of(String rank) throws IOException {
      Path directory = GOLDEN.resolve("surface").resolve(rank);
      String json = Files.readString(directory.resolve("manifest.json"));
      return new Case(
          directory,
          JsonParser.parseString(json).getAsJsonObject(),
          GoldenTensors.read(directory.resolve("expected.safetensors")));
    }

    String[] names(String key) {
      return new Gson().fromJson(manifest.get(key), String[].class);
    }
  }

  @BeforeEach
  void base() throws IOException {
    Block block = Sample.SEQUENTIAL.ready(manager, 0);
    BlockTree tree = BlockTree.of(block);
    GoldenTensors.read(GOLDEN.resolve("base.safetensors"))
        .forEach((name, tensor) -> tree.parameter(name).getArray().set(tensor.values()));
    model.setBlock(block);
  }

  @AfterEach
  void close() {
    model.close();
  }

  private NDArray array(String name) {
    return Arrays32.write(manager, Objects.requireNonNull(inputs.get(name)));
  }

  private void assertLogits(Block block, Case golden, String name) {
    NDList x = new NDList(array("x"));
    float[] found =
        block.forward(new ParameterStore(manager, false), x, false).head().toFloatArray();
    assertClose(found, golden, name);
  }

  private static void assertClose(float[] found, Case golden, String name) {
    TensorData expected = Objects.requireNonNull(golden.expected.get(name), name);
    assertThat(found).as(name).containsExactly(expected.values(), within(TOLERANCE));
  }

  /** PEFT: test_load_and_forward, test_save_load_roundtrip, _test_training. */
  @ParameterizedTest
  @ValueSource(strings = {"rank-2", "rank-4"})
  void logitsAndGradientsArePeftsAlsoAfterSaving(String rank, @TempDir Path temp)
      throws IOException {
    Case golden = Case.of(rank);
    Block base = model.getBlock();
    List<Integer> bits = Sample.bits(base);
    for (String name : golden.names("cases")) {
      Path saved = temp.resolve(name);
      try (PeftModel<Block> peft =
          PeftModel.fromPretrained(base, golden.directory.resolve(name), true)) {
        assertLogits(peft.model(), golden, name + ".logits");
        assertGradients(peft, golden, name + ".gradient.");
        peft.save(saved);
      }
      try (PeftModel<Block> peft = PeftModel.fromPretrained(base, saved)) {
        assertLogits(peft.model(), golden, name + ".logits");
      }
    }
    assertThat(golden.names("cases")).hasSize(11);
    assertThat(Sample.bits(base)).isEqualTo(bits);
  }

  private void assertGradients(PeftModel<Block> peft, Case golden, String prefix) {
    Block base = model.getBlock();
    model.setBlock(peft.model());
    Set<String> seen = new LinkedHashSet<>();
    try (Trainer trainer = model.newTrainer(Sample.SEQUENTIAL.trainingConfig())) {
      trainer.initialize(array("x").getShape());
      try (GradientCollector collector = trainer.newGradientCollector()) {
        NDList outputs = trainer.forward(new NDList(array("x")));
        Loss loss = trainer.getLoss();
        collector.backward(loss.evaluate(new NDList(array("labels")), outputs));
      }
      for (Parameter parameter : peft.model().getParameters().values()) {
        String name = prefix + parameter.getName();
        assertClose(parameter.getArray().getGradient().toFloatArray(), golden, name);
        seen.add(name);
      }
    }
    model.setBlock(base);
    assertThat(seen)
        .containsExactlyInAnyOrderElementsOf(
            golden.expected.keySet().stream().filter(key -> key.startsWith(prefix)).toList());
  }

  /**
   * PEFT: _test_merge_layers, test_gpt2_dora_merge_and_unload_safe_merge,
   * test_dora_unmerge_inverts_merge_for_fan_in_fan_out_layer: nothing is merged in place here.
   */
  @ParameterizedTest
  @ValueSource(strings = {"rank-2", "rank-4"})
  void mergedWeightsArePefts(String rank) throws IOException {
    Case golden = Case.of(rank);
    Block base = model.getBlock();
    List<Integer> bits = Sample.bits(base);
    for (String name : golden.names("cases")) {
      try (PeftModel<Block> peft = PeftModel.fromPretrained(base, golden.directory.resolve(name))) {
        assertMerged(peft, golden, name);
      }
    }
    assertThat(Sample.bits(base)).isEqualTo(bits);
  }

  private void assertMerged(PeftModel<Block> peft, Case golden, String name) {
    Block merged = Sample.SEQUENTIAL.ready(manager, 7);
    ((PeftBlock) peft.model()).mergeInto(merged);

    assertLogits(merged, golden, name + ".logits");
    BlockTree.of(merged)
        .all()
        .forEach(
            (key, parameter) ->
                assertClose(parameter.getArray().toFloatArray(), golden, name + ".merged." + key));
  }

  /** PEFT: _test_weighted_combination_of_adapters_lora. */
  @ParameterizedTest
  @ValueSource(strings = {"rank-2", "rank-4"})
  void weightedSumsArePefts(String rank) throws IOException {
    Case golden = Case.of(rank);
    Block base = model.getBlock();
    String[] summed = golden.names("summed");
    double[] weights = new Gson().fromJson(golden.manifest.get("weights"), double[].class);
    int svdRank = golden.manifest.get("svd_rank").getAsInt();
    try (PeftModel<Block> a = PeftModel.fromPretrained(base, golden.directory.resolve(summed[0]));
        PeftModel<Block> b = PeftModel.fromPretrained(base, golden.directory.resolve(summed[1]));
        PeftModel<Block> sum = PeftModel.combine(List.of(a, b), weights);
        PeftModel<Block> reduced = PeftModel.reduced(sum, svdRank).view()) {
      assertLogits(sum.model(), golden, "cat.logits");
      assertLogits(reduced.model(), golden, "svd.logits");
      assertMerged(sum, golden, "cat");
    }
  }

  /**
   * PEFT: _test_mixed_adapter_batches. A block sees one adapter a forward; rows of several are
   * forwards of several views, whatever other views there are.
   */
  @ParameterizedTest
  @ValueSource(strings = {"rank-2", "rank-4"})
  void rowsUnderTheirOwnViewsAreThoseOfAdapterNames(String rank) throws IOException {
    Case golden = Case.of(rank);
    Block base = model.getBlock();
    String[] rows = golden.names("rows");
    NDArray x = array("x"); // (B, in)
    Map<String, PeftModel<Block>> views = new HashMap<>();
    for (String name : golden.names("summed")) {
      views.put(name, PeftModel.fromPretrained(base, golden.directory.resolve(name)));
    }
    NDList found = new NDList();

    for (int row = 0; row < rows.length; row++) {
      Block block = views.containsKey(rows[row]) ? views.get(rows[row]).model() : base;
      NDList one = new NDList(x.get("{}:{}", row, row + 1)); // (1, in)
      found.add(block.forward(new ParameterStore(manager, false), one, false).head());
    }

    assertThat(rows).hasSize((int) x.getShape().get(0)).contains("__base__");
    assertClose(NDArrays.concat(found).toFloatArray(), golden, "mixed.logits");
    views.values().forEach(PeftModel::close);
  }

  @Test
  void onlyAnotherBlockOfTheSameArchitectureIsMergedInto() throws IOException {
    Block base = model.getBlock();
    Block other = Sample.ATTENTION.ready(manager, 1);
    try (PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random())) {
      PeftBlock view = (PeftBlock) peft.model();

      assertThatThrownBy(() -> view.mergeInto(base))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("the block to merge into is the base, or shares [0.weight, ");
      assertThatThrownBy(() -> view.mergeInto(other))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("0.weight: base float32 (16, 6), target missing");
      assertThatThrownBy(peft::merge)
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("mergeInto");
    }
  }

  /** PEFT: _test_merge_layers_nan. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.NEGATIVE_INFINITY})
  void brokenAdapterIsNamedAndTheTargetStays(float value) {
    Block target = Sample.SEQUENTIAL.ready(manager, 7);
    List<Integer> bits = Sample.bits(target);
    try (PeftModel<Block> peft = PeftModel.wrap(model.getBlock(), Sample.SEQUENTIAL.random())) {
      peft.model().getParameters().get("2.lora_A").getArray().muli(value);

      assertThatThrownBy(() -> ((PeftBlock) peft.model()).mergeInto(target))
          .isInstanceOf(LoraException.class)
          .hasMessageStartingWith("NaN or infinity in the merged weights of [2.weight]");
    }
    assertThat(Sample.bits(target)).isEqualTo(bits);
  }

  @Test
  void mergingLeavesNoArrays() throws IOException {
    Case golden = Case.of("rank-2");
    Block target = Sample.SEQUENTIAL.ready(manager, 7);
    Path directory = golden.directory.resolve("dora-patterns");
    try (PeftModel<Block> peft = PeftModel.fromPretrained(model.getBlock(), directory)) {
      PeftBlock view = (PeftBlock) peft.model();
      view.mergeInto(target);
      int before = io.github.lora4j.djl.train.ManagedArrays.below(manager);
      for (int i = 0; i < 20; i++) {
        view.mergeInto(target);
      }
      assertThat(io.github.lora4j.djl.train.ManagedArrays.below(manager)).isEqualTo(before);
    }
  }
}
