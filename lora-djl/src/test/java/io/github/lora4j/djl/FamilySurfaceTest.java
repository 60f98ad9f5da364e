package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What LoRA does on one family it does on each. */
final class FamilySurfaceTest {

  private static final double CLOSE = 1e-4;

  @TempDir private Path directory;

  static List<String> names() throws IOException {
    return FamilyGolden.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void mergedModelHasTheLogitsOfTheViewAndSavesThem(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[] row = golden.rows()[0];

    try (CausalLm base = golden.load(Precision.FP32);
        PeftModel<CausalLm> peft = golden.adapter(base, "all-linear", true);
        CausalLm merged = peft.merge()) {
      float[][] expected = peft.model().logits(row)[0];
      assertThat(difference(merged.logits(row)[0], expected)).isLessThan(CLOSE);

      merged.save(directory.resolve("merged"));
      try (CausalLm loaded = CausalLm.load(directory.resolve("merged").toString())) {
        assertThat(loaded.logits(row)).isDeepEqualTo(merged.logits(row));
      }
    }
  }

  /** What transformers finds in a checkpoint of ours are its own names and shapes. */
  @ParameterizedTest
  @MethodSource("names")
  void savedBaseIsTheCheckpointItCameFrom(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);

    try (CausalLm base = golden.load(Precision.FP32)) {
      base.save(directory.resolve("base"));
    }

    assertThat(shapes(directory.resolve("base"))).isEqualTo(shapes(golden.checkpoint()));
    try (Safetensors ours = Safetensors.open(directory.resolve("base"));
        Safetensors theirs = Safetensors.open(golden.checkpoint())) {
      for (TensorEntry entry : theirs.tensors()) {
        assertThat(ours.floats(ours.find(entry.name()).orElseThrow()))
            .as(entry.name())
            .isEqualTo(theirs.floats(entry));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void adaptersGoBackAsPeftWroteThem(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);

    try (CausalLm base = golden.load(Precision.FP32);
        PeftModel<CausalLm> peft = golden.adapter(base, "all-linear", false)) {
      peft.save(directory.resolve("adapter"));
    }

    Path theirs = golden.adapterDirectory("all-linear");
    assertThat(shapes(directory.resolve("adapter"))).isEqualTo(shapes(theirs));
  }

  @ParameterizedTest
  @MethodSource("names")
  void rowsOfOneBatchSeeTheirOwnAdapters(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[][] rows = golden.rows();

    try (CausalLm base = golden.load(Precision.FP32);
        PeftModel<CausalLm> one = golden.adapter(base, "default", false);
        PeftModel<CausalLm> other = golden.adapter(base, "all-linear", false)) {
      List<CausalLm> models = List.of(one.model(), base, other.model());
      int[][] batch = {rows[0], rows[rows.length - 1], rows[0]};
      float[][][] together = base.logits(models, batch);

      for (int row = 0; row < batch.length; row++) {
        float[][] alone = models.get(row).logits(batch[row])[0];
        assertThat(difference(together[row], alone)).as("row %d", row).isLessThan(1e-5);
      }
    }
  }

  /** A row begins when another is far beyond its window, and goes on when that one is done. */
  @ParameterizedTest
  @MethodSource("names")
  void rowsThatJoinAndLeaveWriteWhatTheyWriteAlone(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[][] prompts = golden.prompts();
    int[][] expected = golden.greedy();
    int first = longest(prompts);
    int second = first == 0 ? 1 : 0;
    int late = expected[0].length / 2;

    try (CausalLm base = golden.load(Precision.FP32);
        Greedy one = new Greedy(base, prompts[first]);
        Greedy two = new Greedy(base, prompts[second])) {
      one.steps(late);
      two.steps(1);
      one.join(two);
      one.steps(expected[0].length - late);

      assertThat(one.chosen(0)).isEqualTo(expected[first]);
      int count = expected[0].length - late + 1;
      assertThat(one.chosen(1)).isEqualTo(Arrays.copyOf(expected[second], count));

      one.keep(1);
      one.steps(late - 1);
      assertThat(one.chosen(0)).isEqualTo(expected[second]);
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void halfPrecisionAndWholeNumbersStayNear(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[] row = golden.rows()[0];

    try (CausalLm full = golden.load(Precision.FP32)) {
      float[][] expected = full.logits(row)[0];
      for (Precision precision : List.of(Precision.BF16, Precision.FP16, Precision.INT8)) {
        try (CausalLm base = golden.load(precision)) {
          assertThat(relative(base.logits(row)[0], expected))
              .as("%s", precision)
              .isLessThan(precision == Precision.FP16 ? 0.02 : 0.08);
        }
      }
    }
  }

  /** Training through bf16 and int8 weights, dropout and recomputation goes down as it should. */
  @ParameterizedTest
  @MethodSource("names")
  void gradientsInHalfPrecisionPointTheSameWay(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    TokenBatch batch = TokenBatch.of(golden.lossRows(), golden.labels());
    Map<String, float[]> exact = gradients(golden, Precision.FP32, batch);

    for (Precision precision : List.of(Precision.BF16, Precision.INT8)) {
      Map<String, float[]> found = gradients(golden, precision, batch);

      assertThat(cosine(found, exact)).as("%s", precision).isGreaterThan(0.97);
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void doraWithBiasesTrainsAndMerges(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[] row = golden.rows()[0];
    LoraConfig config =
        LoraConfig.builder()
            .rank(2)
            .dora(true)
            .init(LoraInit.RANDOM)
            .bias(Bias.LORA_ONLY)
            .targetModules(TargetModules.allLinear())
            .build();

    try (CausalLm base = golden.load(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config, 3);
        CausalLm merged = peft.merge()) {
      float[][] view = peft.model().logits(row)[0];

      assertThat(difference(view, base.logits(row)[0])).isGreaterThan(1e-3);
      assertThat(difference(merged.logits(row)[0], view)).isLessThan(CLOSE);
    }
  }

  /** Several rows, each the best next token at every step. */
  private static final class Greedy implements AutoCloseable {

    private final CausalLm base;
    private final KeyValueCache cache;
    private final List<List<Integer>> chosen = new ArrayList<>();
    private int[][] input;

    Greedy(CausalLm base, int[] prompt) {
      this.base = base;
      this.cache = base.decoder().newCache(1, prompt.length);
      this.chosen.add(new ArrayList<>());
      this.input = new int[][] {prompt};
    }

    void steps(int count) {
      for (int step = 0; step < count; step++) {
        step();
      }
    }

    private void step() {
      int needed = Arrays.stream(cache.lengths()).max().orElse(0) + input[0].length;
      if (needed > cache.capacity()) {
        cache.grow(needed);
      }
      TokenBatch batch = TokenBatch.of(input);
      try (Pass pass = Pass.cached(base.decoder().manager(), batch, List.of(), cache)) {
        float[] scores = base.decoder().logits(pass, true).toFloatArray(); // (B, V)
        int vocabulary = scores.length / input.length;
        for (int row = 0; row < input.length; row++) {
          int best = best(scores, row * vocabulary, vocabulary);
          chosen.get(row).add(best);
          input[row] = new int[] {best};
        }
      }
      cache.advance(batch.lengths());
    }

    private static int best(float[] scores, int from, int count) {
      int best = 0;
      for (int id = 0; id < count; id++) {
        if (scores[from + id] > scores[from + best]) {
          best = id;
        }
      }
      return best;
    }

    void join(Greedy other) {
      int room = Math.max(cache.lengths()[0], other.cache.lengths()[0]);
      cache.join(new int[] {0}, other.cache, new int[] {0}, room);
      chosen.add(other.chosen.get(0));
      input = new int[][] {input[0], other.input[0]};
    }

    void keep(int row) {
      cache.keep(new int[] {row});
      List<Integer> left = chosen.get(row);
      chosen.clear();
      chosen.add(left);
      input = new int[][] {input[row]};
    }

    int[] chosen(int row) {
      return chosen.get(row).stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public void close() {
      cache.close();
    }
  }

  private static int longest(int[][] rows) {
    int longest = 0;
    for (int row = 0; row < rows.length; row++) {
      longest = rows[row].length > rows[longest].length ? row : longest;
    }
    return longest;
  }

  private static Map<String, float[]> gradients(
      FamilyGolden golden, Precision precision, TokenBatch batch) throws IOException {
    try (CausalLm base = golden.load(precision);
        PeftModel<CausalLm> peft = golden.adapter(base, "all-linear", true)) {
      var weights = peft.model().adapter().orElseThrow();
      try (Pass pass = Pass.training(base.decoder().manager(), batch, weights, 1)) {
        base.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), true);
      }
      Map<String, float[]> gradients = new LinkedHashMap<>();
      weights.readGradients().forEach((tensor, data) -> gradients.put(tensor, data.values()));
      return gradients;
    }
  }

  private static double cosine(Map<String, float[]> a, Map<String, float[]> b) {
    double dot = 0;
    double squareA = 0;
    double squareB = 0;
    for (Map.Entry<String, float[]> entry : a.entrySet()) {
      float[] x = entry.getValue();
      float[] y = Objects.requireNonNull(b.get(entry.getKey()), entry.getKey());
      for (int i = 0; i < x.length; i++) {
        dot += (double) x[i] * y[i];
        squareA += (double) x[i] * x[i];
        squareB += (double) y[i] * y[i];
      }
    }
    return dot / Math.sqrt(squareA * squareB);
  }

  private static Map<String, List<Long>> shapes(Path directory) throws IOException {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    try (Safetensors files = FamilyGolden.open(directory)) {
      for (TensorEntry entry : files.tensors()) {
        shapes.put(entry.name(), entry.shape());
      }
    }
    return shapes;
  }

  private static double difference(float[][] a, float[][] b) {
    assertThat(a.length).isEqualTo(b.length);
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a[i].length; j++) {
        largest = Math.max(largest, Math.abs((double) a[i][j] - b[i][j]));
      }
    }
    return largest;
  }

  private static double relative(float[][] a, float[][] b) {
    double square = 0;
    double difference = 0;
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a[i].length; j++) {
        square += (double) b[i][j] * b[i][j];
        difference += Math.pow((double) a[i][j] - b[i][j], 2);
      }
    }
    return Math.sqrt(difference / square);
  }
}
