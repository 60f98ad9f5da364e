package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What DJL and libtorch do that surprises, and how the border to them deals with it. */
final class EngineTrapsTest {

  private static final String TELEMETRY = "OPT_OUT_TRACKING";

  private final NDManager manager = Engines.newManager(Device.cpu());
  private final Kernels kernels = Kernels.get();

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void bfloat16IsUnknownToDjlAndLivesInKernelsOnly() {
    NDArray full = manager.create(new float[] {1.5f, -2, 3.140625f});

    NDArray half = kernels.one(manager, "convert", full, ScalarType.BF16.code());

    assertThat(half.getDataType()).isEqualTo(DataType.UNKNOWN);
    NDArray back = kernels.one(manager, "convert", half, ScalarType.FP32.code());
    assertThat(back.toFloatArray()).containsExactly(1.5f, -2, 3.140625f);
  }

  @Test
  void engineAndTokenizersSendNoTelemetryUnlessTheUserDecided() throws IOException {
    String before = System.getProperty(TELEMETRY);
    try {
      System.clearProperty(TELEMETRY);
      Engines.newManager(Device.cpu()).close();
      assertThat(System.getProperty(TELEMETRY)).isEqualTo("true");

      System.clearProperty(TELEMETRY);
      Tokenizer.load(Path.of("src/test/resources/golden/bloom/power-of-two/checkpoint")).close();
      assertThat(System.getProperty(TELEMETRY)).isEqualTo("true");

      System.setProperty(TELEMETRY, "false");
      Engines.sendNoTelemetry();
      assertThat(System.getProperty(TELEMETRY)).isEqualTo("false");
    } finally {
      System.setProperty(TELEMETRY, String.valueOf(before));
    }
  }

  @Test
  void kernelsRecordNoGradientsOnThreadsThatDo() throws Exception {
    ExecutorService fresh = Executors.newSingleThreadExecutor();
    try {
      Future<?> done = fresh.submit(this::multiplyBothWays);

      assertThat(done.get()).isNull();
    } finally {
      fresh.shutdown();
    }
  }

  /** hasGradient() does not show a recorded graph; going back through it does. */
  private void multiplyBothWays() {
    NDArray leaf = manager.ones(new Shape(2, 2));
    leaf.setRequiresGradient(true);
    NDArray plain = leaf.matMul(leaf);
    NDArray kernel = kernels.one(manager, "product", leaf, leaf, false);

    backward(plain);
    assertThat(leaf.getGradient().toFloatArray()).containsOnly(4);
    assertThatThrownBy(() -> backward(kernel))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("does not require grad");
  }

  private void backward(NDArray y) {
    JniUtils.backward((PtNDArray) y, (PtNDArray) manager.ones(y.getShape()), false, false);
  }

  @Test
  void badShapeIsAnExceptionThatNamesTheSourceLine() {
    NDArray x = manager.ones(new Shape(2, 3));

    assertThatThrownBy(
            () -> kernels.one(manager, "product", x, manager.ones(new Shape(2, 4)), false))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("torch.mm(x");
  }

  @Test
  void argumentThatIsNoValueIsRefusedBeforeItReachesNativeCode() {
    assertThatThrownBy(() -> kernels.one(manager, "product", new Object()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("a kernel takes arrays, numbers, booleans, strings and lists");
  }

  @Test
  void resultsBelongToTheManagerGivenAndNotToTheirArguments() {
    NDArray weight = manager.ones(new Shape(2, 3));
    NDArray x = manager.ones(new Shape(1, 3));
    int before = manager.getManagedArrays().size();

    for (int i = 0; i < 20; i++) {
      try (NDManager scope = manager.newSubManager()) {
        NDArray y = kernels.one(scope, "product", x, weight, false);
        assertThat(y.getManager()).isSameAs(scope);
      }
    }

    assertThat(manager.getManagedArrays()).hasSize(before);
  }

  @Test
  void oneModuleServesManyThreads() throws Exception {
    List<NDArray> inputs = new ArrayList<>();
    for (int i = 1; i <= 32; i++) {
      inputs.add(manager.ones(new Shape(i, 8)).mul(i));
    }
    NDArray weight = manager.ones(new Shape(4, 8));
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Callable<float[]>> calls = new ArrayList<>();
      inputs.forEach(x -> calls.add(() -> product(x, weight)));
      List<Future<float[]>> results = threads.invokeAll(calls);

      for (int i = 0; i < results.size(); i++) {
        assertThat(results.get(i).get()).hasSize(4 * (i + 1)).containsOnly(8f * (i + 1));
      }
    } finally {
      threads.shutdown();
    }
  }

  private float[] product(NDArray x, NDArray weight) {
    try (NDManager scope = manager.newSubManager()) {
      return kernels.one(scope, "product", x, weight, false).toFloatArray();
    }
  }
}
