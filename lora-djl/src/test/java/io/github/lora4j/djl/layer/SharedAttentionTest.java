package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.Siblings;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Attention over shared prefixes against attention over whole sequences. */
final class SharedAttentionTest {

  private static final int HEADS = 3;
  private static final int WIDTH = 4;
  private static final int D = HEADS * WIDTH;

  /** Scores of a sequence of 600 tokens reach 150, where fp32 has steps of 1.5e-5. */
  private static final double TOLERANCE = 5e-6;

  static Stream<Arguments> batches() {
    List<int[]> same = new ArrayList<>(Siblings.rows(1, 9, new int[] {20, 0}));
    same.add(same.get(0));
    List<int[]> prefixIsASequence = new ArrayList<>(Siblings.rows(2, 9, new int[] {20, 0}));
    prefixIsASequence.add(Siblings.join(same.get(0), new int[] {1}));
    prefixIsASequence.add(Siblings.join(same.get(0), new int[] {2, 3}));
    prefixIsASequence.add(same.get(0));
    return Stream.of(
        Arguments.of("one group", Siblings.rows(3, 9, new int[] {16, 4, 1, 7})),
        Arguments.of("groups", Siblings.rows(4, 9, new int[] {17, 2, 3}, new int[] {20, 1, 1, 1})),
        Arguments.of(
            "mixture",
            Siblings.rows(5, 9, new int[] {0, 5}, new int[] {18, 2, 6}, new int[] {0, 1})),
        Arguments.of("identical", same),
        Arguments.of("prefix and sequence", prefixIsASequence),
        Arguments.of(
            "beyond the blocks of the kernel", Siblings.rows(6, 9, new int[] {530, 70, 9})));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("batches")
  void fusedEqualsWholeSequences(String name, List<int[]> rows) {
    assertEqual(name, rows, true);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("batches")
  void plainEqualsWholeSequences(String name, List<int[]> rows) {
    assertEqual(name, rows, false);
  }

  private static void assertEqual(String name, List<int[]> rows, boolean fused) {
    TokenBatch whole = TokenBatch.of(rows, rows);
    TokenBatch shared = whole.shared();
    assertThat(shared.size()).as(name).isLessThan(whole.size());
    try (LayerLab lab = new LayerLab(1)) {
      NDArray slopes = AlibiAttention.slopes(lab.manager, HEADS);
      NDArray qkv = lab.normal(shared.size(), 3L * D);
      NDArray dy = lab.normal(whole.size(), D);
      int[] places = shared.pieces().places();

      float[][] expected = bothWays(lab, whole, LayerLab.gathered(qkv, places), dy, slopes, fused);
      float[][] actual =
          bothWays(lab, shared, qkv, LayerLab.summed(dy, places, shared.size()), slopes, fused);

      NDArray y = lab.manager.create(actual[0], new Shape(shared.size(), D));
      LayerLab.assertClose(LayerLab.gathered(y, places).toFloatArray(), expected[0], TOLERANCE);
      NDArray dqkv = lab.manager.create(expected[1], new Shape(whole.size(), 3L * D));
      LayerLab.assertClose(
          actual[1], LayerLab.summed(dqkv, places, shared.size()).toFloatArray(), TOLERANCE);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void backwardEqualsCentralDifferences(boolean fused) {
    List<int[]> rows = Siblings.rows(7, 9, new int[] {16, 2, 1});
    TokenBatch shared = TokenBatch.of(rows, rows).shared();
    try (LayerLab lab = new LayerLab(2)) {
      NDArray qkv = lab.normal(19, 3 * D);
      NDArray dy = lab.normal(19, D);
      NDArray slopes = AlibiAttention.slopes(lab.manager, HEADS);
      AlibiAttention layer = new AlibiAttention(0, slopes, fused);
      float[] actual = bothWays(lab, shared, qkv, dy, slopes, fused)[1];

      try (Pass pass = Pass.inference(lab.manager, shared, List.of())) {
        float[] expected =
            LayerLab.differences(
                qkv, dy.toFloatArray(), () -> layer.forward(qkv, pass, Tape.off()).toFloatArray());

        LayerLab.assertClose(actual, expected, 5e-3);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"BF16, true", "BF16, false", "FP16, true", "FP16, false"})
  void halfPrecisionStaysNearFp32(ScalarType type, boolean fused) {
    List<int[]> rows = Siblings.rows(8, 9, new int[] {20, 3, 5, 4, 4, 4, 4, 4, 4});
    TokenBatch shared = TokenBatch.of(rows, rows).shared();
    try (LayerLab lab = new LayerLab(4)) {
      NDArray qkv = lab.as(type, lab.normal(shared.size(), 3 * D));
      NDArray dy = lab.as(type, lab.normal(shared.size(), D));
      NDArray slopes = AlibiAttention.slopes(lab.manager, HEADS);

      float[][] half = bothWays(lab, shared, qkv, dy, slopes, fused);
      float[][] full =
          bothWays(
              lab,
              shared,
              lab.as(ScalarType.FP32, qkv),
              lab.as(ScalarType.FP32, dy),
              slopes,
              fused);

      LayerLab.assertClose(half[0], full[0], 2e-2);
      LayerLab.assertClose(half[1], full[1], 3e-2);
    }
  }

  @Test
  void passesLeaveNoArrays() {
    List<int[]> rows = Siblings.rows(9, 9, new int[] {16, 1, 2}, new int[] {0, 3});
    TokenBatch shared = TokenBatch.of(rows, rows).shared();
    try (LayerLab lab = new LayerLab(6)) {
      AlibiAttention layer = new AlibiAttention(0, AlibiAttention.slopes(lab.manager, HEADS), true);
      NDArray qkv = lab.normal(shared.size(), 3 * D);
      NDArray dy = lab.normal(shared.size(), D);

      lab.assertNoLeak(
          shared,
          lab.adapter(true, lab.pair("elsewhere", 2, 2, 1, 0)),
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              layer.forward(LayerLab.lend(qkv, pass), pass, tape);
              layer.backward(dy, pass, tape);
            }
          });
    }
  }

  private static float[][] bothWays(
      LayerLab lab, TokenBatch batch, NDArray qkv, NDArray dy, NDArray slopes, boolean fused) {
    AlibiAttention layer = new AlibiAttention(0, slopes, fused);
    try (Pass pass = Pass.inference(lab.manager, batch, List.of());
        Tape tape = Tape.recording(pass.manager())) {
      NDArray y = layer.forward(LayerLab.lend(qkv, pass), pass, tape);
      float[] output = lab.floats(y);
      return new float[][] {output, lab.floats(layer.backward(dy, pass, tape))};
    }
  }
}
