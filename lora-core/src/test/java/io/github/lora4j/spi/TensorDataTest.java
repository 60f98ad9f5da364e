package io.github.lora4j.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TensorDataTest {

  private static final float[] SIX = {1, -2, 3.5f, Float.NaN, 5, 6};

  private final AtomicInteger reads = new AtomicInteger();

  private final TensorData heap = new TensorData(List.of(2L, 3L), SIX);

  private final TensorData elsewhere =
      TensorData.at(
          List.of(2L, 3L),
          room -> {
            reads.incrementAndGet();
            assertThat(room.remaining()).isEqualTo(24);
            room.asFloatBuffer().put(SIX);
          });

  @Test
  void elementsElsewhereAreReadWhenTheyAreAskedFor() {
    assertThat(elsewhere.elements()).isEqualTo(6);
    assertThat(reads).hasValue(0);

    assertThat(elsewhere.values()).isEqualTo(SIX);
    assertThat(elsewhere).isEqualTo(heap).hasSameHashCodeAs(heap);
    assertThat(elsewhere.firstNotFinite()).hasValue(3);
  }

  @Test
  void onTheHeapTheyStay() {
    TensorData copy = elsewhere.onHeap();
    int before = reads.get();

    assertThat(copy.values()).isEqualTo(SIX).isSameAs(copy.values());
    assertThat(reads).hasValue(before);
    assertThat(heap.onHeap()).isSameAs(heap);
  }

  @Test
  void bothKindsWriteThemselvesBehindEachOther() {
    ByteBuffer room = ByteBuffer.allocateDirect(50).order(ByteOrder.nativeOrder());

    heap.writeTo(room);
    elsewhere.writeTo(room);

    assertThat(room.position()).isEqualTo(48);
    float[] found = new float[12];
    room.flip().asFloatBuffer().get(found);
    assertThat(found).startsWith(SIX).endsWith(SIX);
  }

  @Test
  void tooLittleRoomIsRefused() {
    ByteBuffer room = ByteBuffer.allocate(23).order(ByteOrder.nativeOrder());

    assertThatThrownBy(() -> heap.writeTo(room)).isInstanceOf(BufferOverflowException.class);
    assertThatThrownBy(() -> elsewhere.writeTo(room)).isInstanceOf(BufferOverflowException.class);
    assertThat(reads).hasValue(0);
  }

  @Test
  void shapeAndNumberOfValuesMustAgree() {
    assertThatThrownBy(() -> new TensorData(List.of(2L, 2L), SIX))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shape [2, 2] has 4 elements, got 6 values");
  }
}
