package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Layers whose adapter trains a whole weight of its own, or a pair beside embedding and head:
 * against autograd and central differences.
 */
final class OwnMatricesTest {

  private static final int V = 11;
  private static final int D = 4;
  private static final int R = 2;
  private static final double SCALE = 0.25;
  private static final List<int[]> ROWS =
      List.of(new int[] {3, 1, 4, 1, 5}, new int[] {9}, new int[] {2, 6, 5, 3});

  private final LayerLab lab = new LayerLab(11);
  private final List<AdapterWeights> adapters = new ArrayList<>();
  private final TokenBatch batch = TokenBatch.of(ROWS, ROWS);

  @AfterEach
  void close() {
    adapters.forEach(AdapterWeights::close);
    lab.close();
  }

  private AdapterWeights adapter(boolean trainable, List<AdapterLayout.Pair> pairs, Object... own) {
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (AdapterLayout.Pair pair : pairs) {
      values.put(pair.nameOfA(), normal(pair.rank(), pair.inFeatures()));
      values.put(pair.nameOfB(), normal(pair.outFeatures(), pair.rank()));
    }
    for (int i = 0; i < own.length; i += 2) {
      values.put((String) own[i], normal((long[]) own[i + 1]));
    }
    AdapterLayout layout = new AdapterLayout(pairs, values);
    AdapterWeights adapter = new AdapterWeights(layout, Device.cpu(), trainable);
    adapters.add(adapter);
    return adapter;
  }

  private TensorData normal(long... shape) {
    return new TensorData(Arrays.stream(shape).boxed().toList(), lab.normal(shape).toFloatArray());
  }

  private static long[] shape(long... sizes) {
    return sizes;
  }

  private static float[] gradient(AdapterWeights adapter, String name) {
    return LayerLab.data(adapter.readGradients(), name).values();
  }

  /** A one for every token in the column of its word: a lookup that autograd can follow. */
  private NDArray oneHot(TokenBatch tokens) {
    float[] ones = new float[tokens.size() * V];
    for (int n = 0; n < tokens.size(); n++) {
      ones[n * V + (int) tokens.tokens()[n]] = 1;
    }
    return lab.manager.create(ones, new Shape(tokens.size(), V));
  }

  @Test
  void aPairBesideAnEmbeddingEqualsAutograd() {
    NDArray table = lab.normal(V, D);
    AdapterWeights adapter = adapter(true, List.of(lab.pair("words", V, D, R, 0.5)));
    NDArray a = lab.copyOf(adapter, "words.lora_A");
    NDArray b = lab.copyOf(adapter, "words.lora_B");
    NDArray dy = lab.normal(batch.size(), D);
    NDArray hot = oneHot(batch);
    List<float[]> expected = lab.autograd(dy, () -> words(hot, table, a, b), a, b);

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 1);
        Tape tape = Tape.recording(pass.manager())) {
      Embedding layer = new Embedding("words", FrozenMatrix.of(table), ScalarType.FP32);
      NDArray y = layer.forward(pass, tape);
      layer.backward(dy, pass, tape);

      LayerLab.assertClose(y.toFloatArray(), words(hot, table, a, b).toFloatArray(), 1e-5);
      LayerLab.assertClose(gradient(adapter, "words.lora_A"), expected.get(0), 1e-5);
      LayerLab.assertClose(gradient(adapter, "words.lora_B"), expected.get(1), 1e-5);
    }
  }

  private static NDArray words(NDArray hot, NDArray table, NDArray a, NDArray b) {
    NDArray update = hot.matMul(a.transpose()).matMul(b.transpose()).mul(1.5);
    return hot.matMul(table).add(update);
  }

  @Test
  void aPairBesideAnEmbeddingEqualsCentralDifferences() {
    AdapterWeights adapter = adapter(true, List.of(lab.pair("words", V, D, R, 0)));
    Embedding layer = new Embedding("words", FrozenMatrix.of(lab.normal(V, D)), ScalarType.FP32);
    NDArray dy = lab.normal(batch.size(), D);

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 1);
        Tape tape = Tape.recording(pass.manager())) {
      layer.forward(pass, tape);
      layer.backward(dy, pass, tape);
      LowRank pair = Objects.requireNonNull(adapter.pair("words"));

      for (NDArray leaf : List.of(pair.a(), pair.b())) {
        float[] expected =
            LayerLab.differences(
                leaf, dy.toFloatArray(), () -> layer.forward(pass, Tape.off()).toFloatArray());
        String name = leaf == pair.a() ? "words.lora_A" : "words.lora_B";
        LayerLab.assertClose(gradient(adapter, name), expected, 2e-3);
      }
    }
  }

  @Test
  void anEmbeddingTrainedWholeAddsUpTheRowsOfEveryWord() {
    AdapterWeights adapter = adapter(true, List.of(), "words.weight", shape(V, D));
    NDArray own = lab.copyOf(adapter, "words.weight");
    NDArray dy = lab.normal(batch.size(), D);
    NDArray hot = oneHot(batch);
    List<float[]> expected = lab.autograd(dy, () -> hot.matMul(own), own);

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 1);
        Tape tape = Tape.recording(pass.manager())) {
      Embedding layer = new Embedding("words", FrozenMatrix.of(lab.normal(V, D)), ScalarType.FP32);
      float[] y = layer.forward(pass, tape).toFloatArray();
      layer.backward(dy, pass, tape);

      assertThat(y).containsExactly(hot.matMul(own).toFloatArray());
      LayerLab.assertClose(gradient(adapter, "words.weight"), expected.get(0), 1e-6);
    }
  }

  @Test
  void aWholeNormEqualsAutograd() {
    AdapterWeights adapter = adapter(true, List.of(), "n.weight", shape(D), "n.bias", shape(D));
    NDArray weight = lab.copyOf(adapter, "n.weight");
    NDArray bias = lab.copyOf(adapter, "n.bias");
    NDArray x = lab.normal(batch.size(), D);
    NDArray dy = lab.normal(batch.size(), D);
    List<float[]> expected =
        lab.autograd(dy, () -> NormTest.plain(x, weight, bias), x, weight, bias);

    for (boolean wantInput : new boolean[] {true, false}) {
      Kernels.get().run("fill_zero", adapter.flatGradients());
      try (Pass pass = Pass.training(lab.manager, batch, adapter, 1);
          Tape tape = Tape.recording(pass.manager())) {
        Norm norm = new Norm("n", lab.normal(D), lab.normal(D), 1e-5);
        NDArray y = norm.forward(LayerLab.lend(x, pass), pass, tape);
        if (wantInput) {
          NDArray dx = norm.backward(dy, pass, tape);
          LayerLab.assertClose(dx.toFloatArray(), expected.get(0), 1e-5);
        } else {
          norm.accumulate(dy, pass, tape);
        }

        LayerLab.assertClose(
            y.toFloatArray(), NormTest.plain(x, weight, bias).toFloatArray(), 1e-5);
        LayerLab.assertClose(gradient(adapter, "n.weight"), expected.get(1), 1e-5);
        LayerLab.assertClose(gradient(adapter, "n.bias"), expected.get(2), 1e-5);
      }
    }
  }

  @Test
  void aWholeMapEqualsAutograd() {
    AdapterWeights adapter = adapter(true, List.of(), "m.weight", shape(3, D), "m.bias", shape(3));
    NDArray weight = lab.copyOf(adapter, "m.weight");
    NDArray bias = lab.copyOf(adapter, "m.bias");
    NDArray x = lab.normal(batch.size(), D);
    NDArray dy = lab.normal(batch.size(), 3);
    List<float[]> expected =
        lab.autograd(dy, () -> x.matMul(weight.transpose()).add(bias), x, weight, bias);
    Projection layer = new Projection("m", FrozenMatrix.of(lab.normal(3, D)), lab.normal(3));

    for (boolean replayed : new boolean[] {false, true}) {
      Kernels.get().run("fill_zero", adapter.flatGradients());
      try (Pass pass = Pass.training(lab.manager, batch, adapter, 1);
          Tape tape = Tape.recording(pass.manager())) {
        NDArray y = layer.forward(LayerLab.lend(x, pass), pass, replayed ? Tape.off() : tape);
        if (replayed) {
          layer.replay(LayerLab.lend(x, pass), pass, tape);
        }
        NDArray dx = Objects.requireNonNull(layer.backward(dy, pass, tape, true));

        LayerLab.assertClose(
            y.toFloatArray(), x.matMul(weight.transpose()).add(bias).toFloatArray(), 1e-5);
        LayerLab.assertClose(dx.toFloatArray(), expected.get(0), 1e-5);
        LayerLab.assertClose(gradient(adapter, "m.weight"), expected.get(1), 1e-5);
        LayerLab.assertClose(gradient(adapter, "m.bias"), expected.get(2), 1e-5);
      }
    }
  }

  /** With dropout 0: autograd needs no mask. Chunks of rows, and blocks of a large vocabulary. */
  @ParameterizedTest
  @CsvSource({"2, 11", "100, 11", "3, 5001"})
  void aPairBesideTheHeadEqualsAutograd(int chunk, int words) {
    NDArray table = lab.normal(words, D);
    AdapterWeights adapter = adapter(true, List.of(lab.pair("lm_head", D, words, R, 0)));
    NDArray a = lab.copyOf(adapter, "lm_head.lora_A");
    NDArray b = lab.copyOf(adapter, "lm_head.lora_B");
    NDArray x = lab.normal(batch.size(), D);
    NDArray one = lab.manager.create(1f);
    List<float[]> expected = lab.autograd(one, () -> headLoss(x, merged(table, a, b)), x, a, b);

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 1)) {
      LossHead head = head(table).inChunks(chunk);
      LossHead.Result result = head.loss(x, pass, SCALE, true);

      double loss = headLoss(x, merged(table, a, b)).toFloatArray()[0];
      assertThat(result.loss()).isCloseTo(loss, within(1e-4));
      assertThat(head.loss(x, pass, SCALE, false).loss()).isCloseTo(loss, within(1e-4));
      LayerLab.assertClose(result.gradient().toFloatArray(), expected.get(0), 1e-4);
      LayerLab.assertClose(gradient(adapter, "lm_head.lora_A"), expected.get(1), 1e-4);
      LayerLab.assertClose(gradient(adapter, "lm_head.lora_B"), expected.get(2), 1e-4);
      LayerLab.assertClose(
          head.logits(x, pass, false).toFloatArray(),
          normed(x).matMul(merged(table, a, b).transpose()).toFloatArray(),
          1e-5);
    }
  }

  @Test
  void aPairWithDropoutBesideTheHeadEqualsCentralDifferences() {
    AdapterWeights adapter = adapter(true, List.of(lab.pair("lm_head", D, V, R, 0.4)));
    NDArray x = lab.normal(batch.size(), D);
    LossHead head = head(lab.normal(V, D));

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 5)) {
      float[] dx = head.loss(x, pass, SCALE, true).gradient().toFloatArray();
      LowRank pair = Objects.requireNonNull(adapter.pair("lm_head"));

      for (NDArray leaf : List.of(x, pair.a(), pair.b())) {
        float[] expected =
            LayerLab.differences(
                leaf,
                new float[] {1},
                () -> new float[] {(float) head.loss(x, pass, SCALE, false).loss()});
        String name = leaf == pair.a() ? "lm_head.lora_A" : "lm_head.lora_B";
        LayerLab.assertClose(leaf == x ? dx : gradient(adapter, name), expected, 5e-3);
      }
    }
  }

  /** Lengths n are constants to the gradient, as in PEFT: {@code differences} leaves them alone. */
  @ParameterizedTest
  @CsvSource({"0, 2, 11", "0, 100, 11", "0.4, 3, 11"})
  void aPairOfDoraBesideTheHeadEqualsCentralDifferences(double dropout, int chunk, int words) {
    AdapterLayout.Pair pair = lab.pair("lm_head", D, words, R, dropout);
    AdapterWeights adapter =
        adapter(true, List.of(pair), "lm_head.lora_magnitude_vector", shape(words));
    NDArray table = lab.normal(words, D);
    NDArray x = lab.normal(batch.size(), D);
    LossHead head = head(table).inChunks(chunk);

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 5)) {
      float[] dx = head.loss(x, pass, SCALE, true).gradient().toFloatArray();
      Map<NDArray, float[]> gradients = gradients(adapter, "lm_head", x, dx);

      gradients.forEach(
          (leaf, gradient) ->
              LayerLab.assertClose(
                  gradient,
                  LayerLab.differences(
                      leaf,
                      new float[] {1},
                      () -> new float[] {(float) head.loss(x, pass, SCALE, false).loss()}),
                  5e-3));
    }
  }

  /** Scores, and the loss where nothing is dropped, are those of the scaled matrix. */
  @Test
  void aHeadOfDoraScoresByTheScaledRows() {
    AdapterLayout.Pair pair = lab.pair("lm_head", D, V, R, 0);
    AdapterWeights adapter =
        adapter(true, List.of(pair), "lm_head.lora_magnitude_vector", shape(V));
    NDArray table = lab.normal(V, D);
    NDArray sum =
        merged(table, lab.copyOf(adapter, "lm_head.lora_A"), lab.copyOf(adapter, "lm_head.lora_B"));
    NDArray norms = sum.square().sum(new int[] {1}, true).sqrt(); // (V, 1)
    NDArray scaled =
        sum.div(norms).mul(lab.copyOf(adapter, "lm_head.lora_magnitude_vector").reshape(V, 1));
    NDArray x = lab.normal(batch.size(), D);
    LossHead head = head(table);

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 5)) {
      LayerLab.assertClose(
          head.logits(x, pass, false).toFloatArray(),
          normed(x).matMul(scaled.transpose()).toFloatArray(),
          1e-5);
      assertThat(head.loss(x, pass, SCALE, true).loss())
          .isCloseTo(headLoss(x, scaled).toFloatArray()[0], within(1e-4));
    }
  }

  @Test
  void aPairOfDoraBesideAnEmbeddingEqualsCentralDifferences() {
    AdapterLayout.Pair pair = lab.pair("words", V, D, R, 0);
    AdapterWeights adapter = adapter(true, List.of(pair), "words.lora_magnitude_vector", shape(D));
    NDArray table = lab.normal(V, D);
    Embedding layer = new Embedding("words", FrozenMatrix.of(table), ScalarType.FP32);
    NDArray dy = lab.normal(batch.size(), D);
    NDArray sum =
        table.add(
            lab.copyOf(adapter, "words.lora_B")
                .matMul(lab.copyOf(adapter, "words.lora_A"))
                .transpose()
                .mul(1.5));
    NDArray norms = sum.square().sum(new int[] {0}).sqrt(); // (D)
    NDArray scaled = sum.div(norms).mul(lab.copyOf(adapter, "words.lora_magnitude_vector"));

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 1);
        Tape tape = Tape.recording(pass.manager())) {
      float[] y = layer.forward(pass, tape).toFloatArray();
      layer.backward(dy, pass, tape);

      LayerLab.assertClose(y, oneHot(batch).matMul(scaled).toFloatArray(), 1e-5);
      gradients(adapter, "words", null, new float[0])
          .forEach(
              (leaf, gradient) ->
                  LayerLab.assertClose(
                      gradient,
                      LayerLab.differences(
                          leaf,
                          dy.toFloatArray(),
                          () -> layer.forward(pass, Tape.off()).toFloatArray()),
                      2e-3));
    }
  }

  /** Of A, B, m, and x if it is given. */
  private static Map<NDArray, float[]> gradients(
      AdapterWeights adapter, String path, @Nullable NDArray x, float[] dx) {
    LowRank pair = Objects.requireNonNull(adapter.pair(path));
    Map<NDArray, float[]> gradients = new LinkedHashMap<>();
    gradients.put(pair.a(), gradient(adapter, path + ".lora_A"));
    gradients.put(pair.b(), gradient(adapter, path + ".lora_B"));
    gradients.put(
        Objects.requireNonNull(pair.magnitude()).values(),
        gradient(adapter, path + ".lora_magnitude_vector"));
    if (x != null) {
      gradients.put(x, dx);
    }
    return gradients;
  }

  @ParameterizedTest
  @CsvSource({"2, 11", "100, 11", "3, 5001"})
  void aWholeHeadEqualsAutograd(int chunk, int words) {
    AdapterWeights adapter = adapter(true, List.of(), "lm_head.weight", shape(words, D));
    NDArray own = lab.copyOf(adapter, "lm_head.weight");
    NDArray x = lab.normal(batch.size(), D);
    NDArray one = lab.manager.create(1f);
    List<float[]> expected = lab.autograd(one, () -> headLoss(x, own), x, own);

    try (Pass pass = Pass.training(lab.manager, batch, adapter, 1)) {
      LossHead.Result result = head(lab.normal(V, D)).inChunks(chunk).loss(x, pass, SCALE, true);

      assertThat(result.loss()).isCloseTo(headLoss(x, own).toFloatArray()[0], within(1e-4));
      LayerLab.assertClose(result.gradient().toFloatArray(), expected.get(0), 1e-4);
      LayerLab.assertClose(gradient(adapter, "lm_head.weight"), expected.get(1), 1e-4);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "FP16"})
  void halfPrecisionStaysNearFp32(ScalarType type) {
    NDArray table = lab.as(type, lab.normal(V, D));
    NDArray x = lab.as(ScalarType.FP32, lab.as(type, lab.normal(batch.size(), D)));
    for (AdapterWeights adapter :
        List.of(
            adapter(true, List.of(lab.pair("lm_head", D, V, R, 0))),
            adapter(true, List.of(), "lm_head.weight", shape(V, D)))) {
      LossHead head = head(table);

      try (Pass pass = Pass.training(lab.manager, batch, adapter, 1)) {
        double loss = head.loss(x, pass, SCALE, true).loss();
        float[] expected = adapter.flatGradients().toFloatArray();
        Kernels.get().run("fill_zero", adapter.flatGradients());
        double half = head.loss(lab.as(type, x), pass, SCALE, true).loss();

        assertThat(half).isCloseTo(loss, within(0.05 * loss));
        LayerLab.assertClose(adapter.flatGradients().toFloatArray(), expected, 5e-2);
      }
    }
  }

  @Test
  void aLossOfSequencesUnderDifferentAdaptersIsRefused() {
    AdapterWeights adapter = adapter(false, List.of(lab.pair("lm_head", D, V, R, 0)));
    List<AdapterSegment> segments = List.of(new AdapterSegment(adapter, 0, 1));
    NDArray x = lab.normal(batch.size(), D);
    LossHead head = head(lab.normal(V, D));

    try (Pass pass = Pass.inference(lab.manager, batch, segments)) {
      assertThatThrownBy(() -> head.loss(x, pass, SCALE, false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "a loss is of one adapter, or none, in all 3 sequences; give each adapter a pass of its own");
    }
  }

  /** Equal words many times over: the order of adding, and with it the bits, are the same. */
  @ParameterizedTest
  @ValueSource(strings = {"words.lora_A", "words.weight"})
  void sumsOfAnEmbeddingAreTheSameBitsEveryTime(String tensor) {
    AdapterWeights adapter =
        tensor.endsWith("A")
            ? adapter(true, List.of(lab.pair("words", V, D, R, 0)))
            : adapter(true, List.of(), tensor, shape(V, D));
    Embedding layer = new Embedding("words", FrozenMatrix.of(lab.normal(V, D)), ScalarType.FP32);
    TokenBatch many = lab.batch(V, 700, 300);
    NDArray dy = lab.normal(1000, D);
    List<float[]> results = new ArrayList<>();

    for (int i = 0; i < 4; i++) {
      Kernels.get().run("fill_zero", adapter.flatGradients());
      try (Pass pass = Pass.training(lab.manager, many, adapter, 1);
          Tape tape = Tape.recording(pass.manager())) {
        layer.forward(pass, tape);
        layer.backward(dy, pass, tape);
      }
      results.add(gradient(adapter, tensor));
    }

    assertThat(results).allSatisfy(each -> assertThat(each).containsExactly(results.get(0)));
  }

  @Test
  void passesLeaveNoArrays() {
    List<AdapterLayout.Pair> pairs =
        List.of(lab.pair("words", V, D, R, 0.3), lab.pair("lm_head", D, V, R, 0.3));
    Object[] own = {
      "words.weight",
      shape(V, D),
      "n.weight",
      shape(D),
      "m.weight",
      shape(D, D),
      "lm_head.weight",
      shape(V, D)
    };
    Embedding words = new Embedding("words", FrozenMatrix.of(lab.normal(V, D)), ScalarType.FP32);
    Norm norm = new Norm("n", lab.normal(D), lab.normal(D), 1e-5);
    Projection map = new Projection("m", FrozenMatrix.of(lab.normal(D, D)), lab.normal(D));
    LossHead head = head(lab.normal(V, D));

    Object[] lengths = {
      "words.lora_magnitude_vector", shape(D), "lm_head.lora_magnitude_vector", shape(V)
    };
    for (AdapterWeights adapter :
        List.of(
            adapter(true, pairs), adapter(true, pairs, lengths), adapter(true, List.of(), own))) {
      lab.assertNoLeak(
          batch,
          adapter,
          pass -> {
            try (Pass inner = pass.nested();
                Tape tape = Tape.recording(inner.manager())) {
              NDArray x = words.forward(inner, tape);
              NDArray n = norm.forward(x, inner, tape);
              NDArray y = map.forward(n, inner, tape);
              NDArray dy = head.loss(y, inner, SCALE, true).gradient();
              head.logits(y, inner, true);
              NDArray dn = Objects.requireNonNull(map.backward(dy, inner, tape, true));
              words.backward(norm.backward(dn, inner, tape), inner, tape);
            }
          });
    }
  }

  private LossHead head(NDArray table) {
    return new LossHead(
        new Norm("ln_f", ones(), ones(), 1e-5), FrozenMatrix.of(table), "lm_head", null);
  }

  private NDArray ones() {
    return lab.manager.ones(new Shape(D));
  }

  private NDArray normed(NDArray x) {
    return NormTest.plain(x, ones(), ones());
  }

  private static NDArray merged(NDArray table, NDArray a, NDArray b) {
    return table.add(b.matMul(a).mul(1.5));
  }

  private NDArray headLoss(NDArray x, NDArray table) {
    int words = Math.toIntExact(table.getShape().get(0));
    NDArray logProbabilities = normed(x).matMul(table.transpose()).logSoftmax(-1);
    float[] chosen = new float[batch.size() * words];
    int start = 0;
    for (int[] row : ROWS) {
      for (int t = 1; t < row.length; t++) {
        chosen[(start + t - 1) * words + row[t]] = (float) -SCALE;
      }
      start += row.length;
    }
    return logProbabilities.mul(lab.manager.create(chosen, new Shape(batch.size(), words))).sum();
  }
}
