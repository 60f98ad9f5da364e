package io.github.lora4j.djl.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.LoraLinear;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.GoldenTensors;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters that start from a part of the base, against PEFT 0.21, which changes the base. */
final class StartsGoldenTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/bloom/starts");

  /** PEFT's own tolerance for the start; measured 5e-7 on entries of up to 1. */
  private static final double START = 2e-6;

  /** Ten AdamW steps apart, in fp32, on another base and other signs of singular vectors. */
  private static final double LOGITS = 1e-3;

  private static GoldenCurve curve(String name) throws IOException {
    return new GoldenCurve("../starts/" + name);
  }

  /** As the golden adapters were made: PEFT's unconverted file has the configuration. */
  private static PeftModel<CausalLm> wrap(CausalLm base, String name) throws IOException {
    return PeftModel.wrap(base, LoraConfig.read(GOLDEN.resolve(name).resolve("mutated")));
  }

  /** PEFT: test_lora_pissa_linear_init_default */
  @ParameterizedTest
  @ValueSource(strings = {"pissa", "olora", "pissa-rslora"})
  void startsAsThePartThatPeftTakesOffTheBase(String name) throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = wrap(base, name)) {
      Map<String, TensorData> expected =
          GoldenTensors.read(GOLDEN.resolve(name).resolve("expected.safetensors"));
      for (LoraLinear pair : peft.plan().pairs()) {
        float[] reference = requireNonNull(expected.get("start/" + pair.path())).values();
        float[] part = firstHalf(pair, peft.tensors());

        for (int i = 0; i < reference.length; i++) {
          assertThat((double) part[i]).isCloseTo(reference[i], within(START));
        }
      }
    }
  }

  /** s·BA of the trained half, (out, in). */
  private static float[] firstHalf(LoraLinear pair, Map<String, TensorData> tensors) {
    float[] a = requireNonNull(tensors.get(pair.path() + ".lora_A")).values(); // (2r, in)
    float[] b = requireNonNull(tensors.get(pair.path() + ".lora_B")).values(); // (out, 2r)
    int in = pair.inFeatures();
    float[] product = new float[pair.outFeatures() * in];
    for (int i = 0; i < product.length; i++) {
      double sum = 0;
      for (int r = 0; r < pair.rank() / 2; r++) {
        sum += (double) b[i / in * pair.rank() + r] * a[r * in + i % in];
      }
      product[i] = (float) (pair.scaling() * sum);
    }
    return product;
  }

  @ParameterizedTest
  @CsvSource({"pissa, false", "pissa, true", "olora, false", "pissa-rslora, false"})
  void curveEqualsPeftAndTheBaseStaysAsItIs(String name, boolean recompute, @TempDir Path directory)
      throws IOException {
    GoldenCurve golden = curve(name);
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = wrap(base, name)) {
      float[] before = flat(base.logits(golden.tests())[0]);
      Map<String, TensorData> start = peft.tensors();

      TrainingReport report =
          TinyRun.trainer(peft, golden.options().recompute(recompute).build())
              .build()
              .train(golden.dataset());

      for (int i = 0; i < report.steps().size(); i++) {
        TrainingStep step = report.steps().get(i);
        GoldenCurve.Step reference = golden.steps().get(i);
        assertThat(step.loss()).isCloseTo(reference.loss(), withinPercentage(0.01));
        assertThat(step.gradNorm()).isCloseTo(reference.gradNorm(), withinPercentage(0.01));
      }
      assertLogits(name, golden, peft);
      assertThat(flat(base.logits(golden.tests())[0])).isEqualTo(before);
      assertSecondHalvesAreThoseOf(start, peft);
      peft.save(directory.resolve("plain"));
      try (PeftModel<CausalLm> plain = PeftModel.fromPretrained(base, directory.resolve("plain"))) {
        assertThat(plain.config().init()).isEqualTo(LoraInit.KAIMING);
        assertLogits(name, golden, plain);
      }
    }
  }

  private static void assertSecondHalvesAreThoseOf(
      Map<String, TensorData> start, PeftModel<CausalLm> peft) {
    for (LoraLinear pair : peft.plan().pairs()) {
      float[] before = requireNonNull(start.get(pair.path() + ".lora_A")).values();
      float[] after = requireNonNull(peft.tensors().get(pair.path() + ".lora_A")).values();
      int border = before.length / 2;
      assertThat(Arrays.copyOfRange(after, border, after.length))
          .isEqualTo(Arrays.copyOfRange(before, border, after.length));
      assertThat(Arrays.copyOf(after, border)).isNotEqualTo(Arrays.copyOf(before, border));
      float[] left = requireNonNull(start.get(pair.path() + ".lora_B")).values();
      float[] moved = requireNonNull(peft.tensors().get(pair.path() + ".lora_B")).values();
      for (int i = 0; i < left.length; i++) {
        if (i % pair.rank() >= pair.rank() / 2) {
          assertThat(moved[i]).isEqualTo(left[i]);
        }
      }
    }
  }

  /** PEFT's files, converted and as they were trained on a changed base, on the base as it is. */
  @ParameterizedTest
  @CsvSource({
    "pissa, converted",
    "pissa, mutated",
    "olora, converted",
    "olora, mutated",
    "pissa-rslora, converted",
    "pissa-rslora, mutated"
  })
  void filesOfPeftGiveTheLogitsOfPeft(String name, String kind) throws IOException {
    GoldenCurve golden = curve(name);
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft =
            PeftModel.fromPretrained(base, GOLDEN.resolve(name).resolve(kind))) {
      assertLogits(name, golden, peft, 1e-4);
    }
  }

  /** The half that is not trained is a part of the run: a plain view is not that run. */
  @ParameterizedTest
  @ValueSource(strings = {"pissa", "olora"})
  void resumedRunEqualsAnUninterruptedOne(String name, @TempDir Path directory) throws IOException {
    GoldenCurve golden = curve(name);
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> whole = wrap(base, name);
        PeftModel<CausalLm> first = wrap(base, name);
        PeftModel<CausalLm> second = wrap(base, name)) {
      TinyRun.trainer(whole, golden.options().build()).build().train(golden.dataset());
      LoraTrainer[] running = new LoraTrainer[1];
      TrainingListener stopper =
          new TrainingListener() {
            @Override
            public void onStep(TrainingStep record) {
              if (record.step() == 4) {
                running[0].stop();
              }
            }
          };
      TrainingOptions options = golden.options().checkpointDirectory(directory).build();
      running[0] = TinyRun.trainer(first, options).listener(stopper).build();
      running[0].train(golden.dataset());

      TinyRun.trainer(second, options).resumeFrom(directory).build().train(golden.dataset());

      assertThat(TinyRun.bits(second)).isEqualTo(TinyRun.bits(whole));
      try (PeftModel<CausalLm> plain =
          PeftModel.fromPretrained(base, directory.resolve("checkpoint-4"), true)) {
        org.assertj.core.api.Assertions.assertThatThrownBy(
                () ->
                    TinyRun.trainer(plain, options)
                        .resumeFrom(directory.resolve("checkpoint-4"))
                        .build()
                        .train(golden.dataset()))
            .hasMessageContaining("second half of the ranks: checkpoint fixed, now nothing");
      }
    }
  }

  private static void assertLogits(String name, GoldenCurve golden, PeftModel<CausalLm> peft)
      throws IOException {
    assertLogits(name, golden, peft, LOGITS);
  }

  private static void assertLogits(
      String name, GoldenCurve golden, PeftModel<CausalLm> peft, double tolerance)
      throws IOException {
    Map<String, TensorData> expected =
        GoldenTensors.read(GOLDEN.resolve(name).resolve("expected.safetensors"));
    float[][][] logits = peft.model().logits(golden.tests());
    for (int row = 0; row < logits.length; row++) {
      float[] reference = requireNonNull(expected.get("logits/" + row)).values();
      float[] actual = flat(logits[row]);
      assertThat(actual).hasSameSizeAs(reference);
      for (int i = 0; i < reference.length; i++) {
        assertThat((double) actual[i]).isCloseTo(reference[i], within(tolerance));
      }
    }
  }

  private static float[] flat(float[][] rows) {
    float[] all = new float[rows.length * rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, all, i * rows[i].length, rows[i].length);
    }
    return all;
  }
}
