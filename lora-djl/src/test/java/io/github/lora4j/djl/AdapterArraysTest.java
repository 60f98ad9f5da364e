package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tensors of an adapter for those who compute with them. */
final class AdapterArraysTest {

  private static final String B = "transformer.h.0.self_attention.query_key_value.lora_B";
  private static final int[] ROW = {7, 90, 12, 33};

  private final CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, LoadOptions.builder().build());
  private final NDManager manager = Engines.newManager(Device.cpu());
  private final PeftModel<CausalLm> view;

  AdapterArraysTest(@TempDir Path temp) throws IOException {
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config(4), 1)) {
      peft.save(temp);
    }
    this.view = PeftModel.fromPretrained(base, temp);
  }

  private static LoraConfig config(int rank) {
    return LoraConfig.builder()
        .rank(rank)
        .alpha(16)
        .init(LoraInit.RANDOM)
        .bias(Bias.LORA_ONLY)
        .targetModules("query_key_value")
        .build();
  }

  @AfterEach
  void close() {
    view.close();
    manager.close();
    base.close();
  }

  @Test
  void copiesHaveNamesShapesAndValuesOfTheAdapter() {
    Map<String, NDArray> arrays = AdapterArrays.copy(view, manager);

    Map<String, TensorData> tensors = view.tensors();
    assertThat(arrays.keySet()).containsExactlyElementsOf(tensors.keySet());
    arrays.forEach(
        (name, array) -> {
          TensorData tensor = Objects.requireNonNull(tensors.get(name));
          assertThat(array.toFloatArray()).isEqualTo(tensor.values());
          assertThat(array.getShape().getShape())
              .isEqualTo(tensor.shape().stream().mapToLong(size -> size).toArray());
          assertThat(array.getName()).isEqualTo(name);
        });
  }

  @Test
  void writingIntoACopyDoesNotReachTheView() {
    float[][][] before = view.model().logits(ROW);

    AdapterArrays.copy(view, manager).values().forEach(array -> array.muli(3));

    assertThat(view.model().logits(ROW)).isDeepEqualTo(before);
  }

  @Test
  void copiesOutliveTheView() {
    Map<String, NDArray> arrays = AdapterArrays.copy(view, manager);
    float[] before = Objects.requireNonNull(arrays.get(B)).toFloatArray();

    view.close();

    assertThat(Objects.requireNonNull(arrays.get(B)).toFloatArray()).isEqualTo(before);
    assertThatThrownBy(() -> AdapterArrays.copy(view, manager))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the adapter is closed; load it again");
  }

  @Test
  void computedArraysTakeThePlaceOfTheAdapters() {
    Map<String, NDArray> arrays = AdapterArrays.copy(view, manager);
    float[] wanted = new float[] {};
    for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
      if (entry.getKey().equals(B)) {
        entry.setValue(entry.getValue().mul(0.5f));
        wanted = entry.getValue().toFloatArray();
      }
    }
    float[][][] before = view.model().logits(ROW);

    AdapterArrays.replace(view, arrays);

    assertThat(Objects.requireNonNull(view.tensors().get(B)).values()).isEqualTo(wanted);
    assertThat(Arrays.deepEquals(view.model().logits(ROW), before)).isFalse();
    assertThat(arrays.values()).noneMatch(array -> array.toFloatArray().length == 0);
  }

  @Test
  void anotherRankMayComeIn() {
    try (PeftModel<CausalLm> other = PeftModel.wrap(base, config(9), 2)) {
      Map<String, NDArray> arrays = AdapterArrays.copy(other, manager);

      AdapterArrays.replace(view, config(9), arrays);

      assertThat(view.config().rank()).isEqualTo(9);
      assertThat(view.model().logits(ROW)).isDeepEqualTo(other.model().logits(ROW));
    }
  }

  @Test
  void halfAndDoublePrecisionAreConverted() {
    Map<String, NDArray> arrays = AdapterArrays.copy(view, manager);
    arrays.replaceAll((name, array) -> array.mul(0).add(0.25f).toType(DataType.FLOAT16, true));
    arrays.computeIfPresent(B, (name, array) -> array.toType(DataType.FLOAT64, true));

    AdapterArrays.replace(view, arrays);

    assertThat(view.tensors().values()).allSatisfy(t -> assertThat(t.values()).containsOnly(0.25f));
  }

  @Test
  void otherTypesAreRefusedBeforeTheEngineSeesThem() {
    Map<String, NDArray> arrays = AdapterArrays.copy(view, manager);
    arrays.computeIfPresent(B, (name, array) -> array.toType(DataType.INT32, true));

    assertThatThrownBy(() -> AdapterArrays.replace(view, arrays))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "array '%s' is of type INT32, wanted one of FLOAT16, FLOAT32 and FLOAT64; convert it first"
                .formatted(B));
  }

  @Test
  void arraysThatDoNotFitAreListedAndTheViewStays() {
    Map<String, NDArray> arrays = AdapterArrays.copy(view, manager);
    arrays.remove(B);
    arrays.put("transformer.ln_f.weight", manager.zeros(new Shape(32)));
    float[][][] before = view.model().logits(ROW);

    assertThatThrownBy(() -> AdapterArrays.replace(view, arrays))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(B + ": given missing")
        .hasMessageContaining("transformer.ln_f.weight: not in this adapter");
    assertThat(view.model().logits(ROW)).isDeepEqualTo(before);
  }

  @Test
  void replacingLeavesNoArrays() {
    Map<String, NDArray> arrays = AdapterArrays.copy(view, manager);
    int before = manager.getManagedArrays().size();
    long bytes = view.nativeBytes();

    for (int i = 0; i < 5; i++) {
      AdapterArrays.replace(view, arrays);
    }

    assertThat(manager.getManagedArrays()).hasSize(before);
    assertThat(view.nativeBytes()).isEqualTo(bytes);
  }
}
