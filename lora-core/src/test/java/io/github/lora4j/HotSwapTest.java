package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One adapter takes the place of another in one view. */
class HotSwapTest {

  private final FloatMlp base = FloatMlp.random(1, 16, 20, 5, 2);
  private final TensorData x = input();

  @TempDir Path root;

  private SavedAdapters saved = new SavedAdapters(base, Path.of(""));

  @BeforeEach
  void saveAdapters() throws IOException {
    saved = new SavedAdapters(base, root).with("0", 8, "up").with("1", 8, "up");
  }

  private static TensorData input() {
    float[] values = new float[3 * 16];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(i);
    }
    return TensorData.matrix(3, 16, values);
  }

  private PeftModel<FloatMlp> load(String name) throws IOException {
    return PeftModel.fromPretrained(base, root, name);
  }

  private TensorData output(String name) throws IOException {
    try (PeftModel<FloatMlp> peft = load(name)) {
      return peft.model().forward(x);
    }
  }

  /** PEFT: test_hotswap_works. Bit for bit here, within 1e-4 there. */
  @Test
  void swapAndSwapBackGiveTheOutputsOfEachAdapter() throws IOException {
    assertThat(output("0")).isNotEqualTo(output("1"));

    try (PeftModel<FloatMlp> peft = load("0")) {
      FloatMlp model = peft.model();
      peft.replaceWith(root.resolve("1"));
      assertThat(model.forward(x)).isEqualTo(output("1"));

      peft.replaceWith(AdapterSource.directory(root), "0");
      assertThat(model.forward(x)).isEqualTo(output("0"));
    }
  }

  /**
   * PEFT: test_hotswap_works_different_ranks_alphas. Its configuration stays the old one there;
   * here everything follows.
   */
  @ParameterizedTest
  @CsvSource({"7, 13", "13, 7"})
  void ranksAlphasAndTargetsMayDiffer(int first, int second) throws IOException {
    saved.with("a", first, "up").with("b", second, "up", "down");

    try (PeftModel<FloatMlp> peft = load("a")) {
      peft.replaceWith(root.resolve("b"));

      assertThat(peft.model().forward(x)).isEqualTo(output("b"));
      assertThat(peft.config().rank()).isEqualTo(second);
      assertThat(peft.config().alpha()).isEqualTo(2.0 * second);
      assertThat(peft.plan().pairs()).hasSize(4);
      assertThat(peft.nativeBytes()).isEqualTo(4L * second * 4 * (16 + 20));
      peft.save(root.resolve("saved"));
      try (PeftModel<FloatMlp> other = load("b")) {
        assertThat(peft.tensors()).isEqualTo(other.tensors());
      }
    }
    assertThat(output("saved")).isEqualTo(output("b"));
  }

  /** PEFT: test_hotswap_missing_key_works. Filled with zeros there; refused here, as on loading. */
  @Test
  void missingTensorIsRefusedAndTheViewStays() throws IOException {
    rewrite("1", tensors -> tensors.remove("layers.0.up.lora_A"));

    refused("(1 of 4 tensors)", "layers.0.up.lora_A: missing, model (8, 16)");
  }

  /** PEFT: test_hotswap_extra_key_raises. */
  @Test
  void foreignTensorIsRefusedAndTheViewStays() throws IOException {
    rewrite(
        "1", tensors -> tensors.put("layers.0.foo.lora_A", TensorData.matrix(1, 1, new float[1])));

    refused("1 foreign", "layers.0.foo.lora_A.weight: not a tensor of this adapter, refused");
  }

  private void refused(String... parts) throws IOException {
    try (PeftModel<FloatMlp> peft = load("0")) {
      assertThatThrownBy(() -> peft.replaceWith(root.resolve("1")))
          .isInstanceOf(LoraException.class)
          .hasMessageContainingAll(parts);

      assertThat(peft.model().forward(x)).isEqualTo(output("0"));
    }
  }

  private interface Edit {
    void of(Map<String, TensorData> tensors);
  }

  private void rewrite(String name, Edit edit) throws IOException {
    Map<String, TensorData> tensors;
    try (PeftModel<FloatMlp> peft = load(name)) {
      tensors = peft.tensors();
    }
    edit.of(tensors);
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach(
        (key, t) -> writer.add("base_model.model." + key + ".weight", t.shape(), t.values()));
    writer.writeTo(saved.weights(name));
  }

  @Test
  void whatIsSavedWhileAnotherThreadReplacesIsOneAdapterOrTheOther() throws Exception {
    saved.with("a", 7, "up").with("b", 13, "up", "down");
    try (PeftModel<FloatMlp> peft = load("a")) {
      AtomicBoolean done = new AtomicBoolean();
      FutureTask<Integer> swaps =
          new FutureTask<>(
              () -> {
                int count = 0;
                for (; !done.get() || count < 2; count++) {
                  peft.replaceWith(root.resolve(count % 2 == 0 ? "b" : "a"));
                }
                return count;
              });
      Thread thread = new Thread(swaps);
      thread.start();

      for (int i = 0; i < 40; i++) {
        peft.save(root.resolve("saved"));
        assertThat(output("saved")).isIn(output("a"), output("b"));
      }
      done.set(true);

      assertThat(swaps.get()).isPositive();
    }
  }

  @Test
  void computedTensorsTakeThePlaceOfThoseOfTheView() throws IOException {
    try (PeftModel<FloatMlp> peft = load("0");
        PeftModel<FloatMlp> other = load("1")) {
      peft.replaceWith(peft.config(), other.tensors());

      assertThat(peft.model().forward(x)).isEqualTo(output("1"));
      peft.save(root.resolve("again"));
    }
    assertThat(output("again")).isEqualTo(output("1"));
  }

  @Test
  void computedTensorsThatDoNotFitAreListedAndTheViewStays() throws IOException {
    try (PeftModel<FloatMlp> peft = load("0")) {
      Map<String, TensorData> wrong = new LinkedHashMap<>(peft.tensors());
      wrong.remove("layers.0.up.lora_A");
      wrong.put("layers.1.up.lora_B", TensorData.matrix(2, 2, new float[] {0, 0, 0, Float.NaN}));
      wrong.put("head.weight", TensorData.matrix(1, 1, new float[1]));

      assertThatThrownBy(() -> peft.replaceWith(peft.config(), wrong))
          .isInstanceOf(LoraException.class)
          .hasMessage(
              """
              the tensors are not those of the configuration:
                layers.0.up.lora_A: given missing, adapter [8, 16]
                layers.1.up.lora_B: given [2, 2], adapter [20, 8]
                head.weight: not in this adapter
                layers.1.up.lora_B: element 3 is NaN""");
      assertThat(peft.model().forward(x)).isEqualTo(output("0"));
    }
  }

  @Test
  void viewThatCanBeTrainedIsNotReplaced() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, root.resolve("0"), true)) {
      assertThatThrownBy(() -> peft.replaceWith(root.resolve("1")))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("load the other adapter as a view of its own");
      assertThat(peft.model().forward(x)).isEqualTo(output("0"));
    }
  }

  @Test
  void closedViewIsNotReplaced() throws IOException {
    PeftModel<FloatMlp> peft = load("0");
    peft.close();

    assertThatThrownBy(() -> peft.replaceWith(root.resolve("1")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThat(List.of(peft.nativeBytes())).containsExactly(0L);
  }
}
