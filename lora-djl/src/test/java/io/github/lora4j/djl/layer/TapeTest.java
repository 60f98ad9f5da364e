package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class TapeTest {

  private final LayerLab lab = new LayerLab(1);
  private final Pass pass = Pass.inference(lab.manager, lab.batch(9, 2), List.of());

  @AfterEach
  void close() {
    pass.close();
    lab.close();
  }

  private NDArray array() {
    return LayerLab.lend(lab.normal(2, 3), pass);
  }

  @Test
  void lastKeptIsTakenFirst() {
    NDArray first = array();
    NDArray second = array();
    try (Tape tape = Tape.recording(pass.manager())) {
      tape.keep(first);
      tape.keep(second);

      try (Tape.Kept kept = tape.take()) {
        assertThat(kept.get(0, pass)).isSameAs(second);
      }
      try (Tape.Kept kept = tape.take()) {
        assertThat(kept.get(0, pass)).isSameAs(first);
      }
      assertThatThrownBy(tape::take)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("backward was called without its forward on this tape");
    }
  }

  @Test
  void arrayKeptTwiceLivesUntilTheSecondIsDone() {
    NDArray array = array();
    try (Tape tape = Tape.recording(pass.manager())) {
      tape.keep(array);
      tape.keep(array);

      tape.free(array);
      tape.take().close();
      assertThat(array.isReleased()).isFalse();
      tape.take().close();
      assertThat(array.isReleased()).isTrue();
    }
  }

  @Test
  void recipeIsKeptInPlaceOfItsArray() {
    NDArray source = array();
    NDArray array = LayerLab.lend(source.mul(2), pass);
    float[] values = array.toFloatArray();
    try (Tape tape = Tape.recording(pass.manager())) {
      tape.keep(source);
      tape.remake(array, later -> later.one("add", source, source));
      tape.keep(array);

      tape.free(array);
      assertThat(array.isReleased()).isTrue();
      NDArray again;
      try (Tape.Kept kept = tape.take()) {
        again = kept.get(0, pass);
        assertThat(again.toFloatArray()).isEqualTo(values);
      }
      assertThat(again.isReleased()).isTrue();
      assertThat(source.isReleased()).isFalse();
    }
  }

  @Test
  void withoutATapeEverythingIsFreed() {
    NDArray array = array();
    Tape tape = Tape.off();
    tape.keep(array);

    tape.free(array);

    assertThat(array.isReleased()).isTrue();
  }
}
