package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.Siblings;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PassTest {

  @Test
  void closedAdapterStillServesThePassThatHoldsIt() {
    try (LayerLab lab = new LayerLab(1)) {
      AdapterWeights adapter = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));
      Projection layer = new Projection("p", FrozenMatrix.of(lab.normal(2, 3)), null);
      NDArray x = lab.normal(2, 3);
      List<AdapterSegment> all = List.of(new AdapterSegment(adapter, 0, 1));

      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 2), all)) {
        float[] before = layer.forward(x, pass, Tape.off()).toFloatArray();
        adapter.close();

        assertThat(layer.forward(x, pass, Tape.off()).toFloatArray()).isEqualTo(before);
        assertThat(adapter.nativeBytes()).isPositive();
      }

      assertThat(adapter.nativeBytes()).isZero();
      assertThatThrownBy(() -> Pass.inference(lab.manager, lab.batch(9, 2), all))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the adapter is closed; load it again");
    }
  }

  @Test
  void refusedPassHoldsNoAdapter() {
    try (LayerLab lab = new LayerLab(2)) {
      AdapterWeights open = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));
      AdapterWeights closed = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));
      closed.close();
      List<AdapterSegment> segments =
          List.of(new AdapterSegment(open, 0, 1), new AdapterSegment(closed, 1, 1));

      assertThatThrownBy(() -> Pass.inference(lab.manager, lab.batch(9, 2, 2), segments))
          .isInstanceOf(IllegalStateException.class);
      open.close();

      assertThat(open.nativeBytes()).isZero();
    }
  }

  @Test
  void segmentsOutsideTheBatchAndOverlappingOnesAreRefused() {
    try (LayerLab lab = new LayerLab(3)) {
      AdapterWeights adapter = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));
      TokenBatch batch = lab.batch(9, 2, 1);

      assertThatThrownBy(() -> new AdapterSegment(adapter, -1, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> new AdapterSegment(adapter, 0, 0))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(
              () -> Pass.inference(lab.manager, batch, List.of(new AdapterSegment(adapter, 1, 2))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("a segment covers rows 1 to 2, the batch has rows 0 to 1");
      assertThatThrownBy(
              () ->
                  Pass.inference(
                      lab.manager,
                      batch,
                      List.of(
                          new AdapterSegment(adapter, 1, 1), new AdapterSegment(adapter, 0, 2))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("two segments cover row 1");
      adapter.close();
      assertThat(adapter.nativeBytes()).isZero();
    }
  }

  @Test
  void cacheThatDoesNotFitTheBatchIsRefused() {
    try (LayerLab lab = new LayerLab(4);
        KeyValueCache cache = new KeyValueCache(lab.manager, ScalarType.FP32, 1, 2, 1, 2, 4)) {
      assertThatThrownBy(() -> Pass.cached(lab.manager, lab.batch(9, 1), List.of(), cache))
          .hasMessage("the cache has 2 rows, the batch 1");
      assertThatThrownBy(() -> Pass.cached(lab.manager, lab.batch(9, 2, 5), List.of(), cache))
          .hasMessage("row 1 would hold 5 tokens, the cache has room for 4");
      cache.advance(new int[] {2, 4});
      assertThatThrownBy(() -> Pass.cached(lab.manager, lab.batch(9, 1, 2), List.of(), cache))
          .hasMessage("a filled cache takes one token a row, row 1 brings 2");
      assertThatThrownBy(() -> Pass.cached(lab.manager, lab.batch(9, 1, 1), List.of(), cache))
          .hasMessage("row 1 would hold 5 tokens, the cache has room for 4");
    }
  }

  @Test
  void backwardWithoutForwardIsRefused() {
    try (LayerLab lab = new LayerLab(5)) {
      AlibiAttention layer = new AlibiAttention(0, AlibiAttention.slopes(lab.manager, 1), true);
      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 2), List.of());
          Tape tape = Tape.recording(pass.manager())) {
        NDArray dy = lab.normal(2, 2);

        assertThatThrownBy(() -> layer.backward(dy, pass, tape))
            .isInstanceOf(IllegalStateException.class)
            .hasMessage("backward was called without its forward on this tape");
      }
    }
  }

  @Test
  void sharedBatchIsForOneAdapterAndForNoCache() {
    List<int[]> rows = Siblings.rows(5, 9, new int[] {16, 1, 2});
    TokenBatch shared = TokenBatch.of(rows, rows).shared();
    try (LayerLab lab = new LayerLab(5);
        KeyValueCache cache = new KeyValueCache(lab.manager, ScalarType.FP32, 1, 2, 1, 2, 40)) {
      AdapterWeights adapter = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));
      List<AdapterSegment> one = List.of(new AdapterSegment(adapter, 1, 1));

      assertThatThrownBy(() -> Pass.inference(lab.manager, shared, one))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("for one adapter, or none, in all of its 2 sequences");
      assertThatThrownBy(() -> Pass.cached(lab.manager, shared, List.of(), cache))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("give it the unshared batch");
      adapter.close();
      assertThat(adapter.nativeBytes()).isZero();
    }
  }

  @Test
  void adapterThatDropsOutTrainsOnTheWholeSequences() {
    List<int[]> rows = Siblings.rows(6, 9, new int[] {16, 1, 2});
    TokenBatch shared = TokenBatch.of(rows, rows).shared();
    try (LayerLab lab = new LayerLab(6)) {
      AdapterWeights dropping =
          lab.adapter(true, lab.pair("p", 3, 2, 2, 0), lab.pair("q", 3, 2, 2, 0.1));
      AdapterWeights keeping = lab.adapter(true, lab.pair("p", 3, 2, 2, 0));

      try (Pass drops = Pass.training(lab.manager, shared, dropping, 1);
          Pass keeps = Pass.training(lab.manager, shared, keeping, 1)) {
        assertThat(drops.batch()).isSameAs(shared.unshared());
        assertThat(drops.ranges().get(0).count()).isEqualTo(35);
        assertThat(keeps.batch()).isSameAs(shared);
        assertThat(keeps.ranges().get(0).count()).isEqualTo(19);
        assertThat(keeps.isUniform()).isTrue();
      }
    }
  }
}
