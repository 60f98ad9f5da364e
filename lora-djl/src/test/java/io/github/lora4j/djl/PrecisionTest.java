package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import io.github.lora4j.djl.internal.ScalarType;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class PrecisionTest {

  private static final Device CPU = Device.cpu();

  @ParameterizedTest
  @CsvSource({"0.01, FP32", "1.49, FP32", "1.5, BF16", "9, BF16"})
  void processorsGetBf16IfItIsWorthIt(double speed, ScalarType expected) {
    FastType fast = FastType.ofCpu(speed);

    assertThat(fast.type()).isEqualTo(expected);
    assertThat(fast.reason()).contains("times the speed of fp32");
  }

  @ParameterizedTest
  @CsvSource({"61, FP16", "75, FP16", "80, BF16", "89, BF16", "90, BF16", "120, BF16"})
  void gpusGetBf16FromAmpereOn(String capability, ScalarType expected) {
    assertThat(FastType.ofGpu(capability).type()).isEqualTo(expected);
  }

  @Test
  void autoIsWhatThisMachineIsGoodAt() throws IOException {
    ScalarType fast = FastType.of(CPU).type();

    try (CausalLm base = new BloomGolden("power-of-two").load(Precision.AUTO)) {
      assertThat(base.precision()).isEqualTo(Precision.of(fast)).isNotEqualTo(Precision.AUTO);
      assertThat(base.decoder().arithmetic().compute()).isEqualTo(fast);
    }
    assertThat(Precision.INT8.compute(CPU)).isEqualTo(fast);
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "FP16", "BF16", "INT8"})
  void whatIsAskedForIsWhatIsLoaded(Precision precision) throws IOException {
    try (CausalLm base = new BloomGolden("power-of-two").load(precision)) {
      assertThat(base.precision()).isEqualTo(precision);
      assertThat(precision.resolve(CPU)).isEqualTo(precision);
      boolean choice = base.decoder().computeType() == ScalarType.FP32;
      assertThat(base.matrixLibrary().isPresent()).isEqualTo(choice);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"MKL", "ONEDNN"})
  void theLibraryCanBeFixed(MatrixLibrary library) throws IOException {
    LoadOptions options = LoadOptions.builder().matrixLibrary(library).build();

    try (CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, options)) {
      assertThat(base.matrixLibrary()).contains(library);
    }
  }

  @Test
  void theLibraryIsMeasuredUnlessFixed() throws IOException {
    assertThat(LoadOptions.builder().build().matrixLibrary()).isEqualTo(MatrixLibrary.MEASURED);

    try (CausalLm base = new BloomGolden("power-of-two").load(Precision.FP32)) {
      assertThat(base.matrixLibrary().orElseThrow()).isIn(MatrixLibrary.MKL, MatrixLibrary.ONEDNN);
    }
  }
}
