package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.djl.internal.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The expected numbers are those of torch's {@code _amp_update_scale_} after the same steps. */
final class LossScaleTest {

  private static final LossScale START = LossScale.startingFor(ScalarType.FP16);

  private static LossScale good(LossScale scale, int steps) {
    LossScale current = scale;
    for (int i = 0; i < steps; i++) {
      current = current.afterGoodStep();
    }
    return current;
  }

  @Test
  void scaleDoublesAfterTwoThousandGoodStepsInARow() {
    assertThat(good(START, 1999)).isEqualTo(new LossScale(true, 65_536, 1999, 0));
    assertThat(good(START, 2000)).isEqualTo(new LossScale(true, 131_072, 0, 0));
    assertThat(good(START, 6005)).isEqualTo(new LossScale(true, 524_288, 5, 0));
  }

  @Test
  void skippedStepHalvesTheScaleAndBeginsTheRowAnew() {
    LossScale halved = good(START, 1999).afterSkippedStep();

    assertThat(halved).isEqualTo(new LossScale(true, 32_768, 0, 1));
    assertThat(good(halved, 1999).factor()).isEqualTo(32_768);
    assertThat(good(halved, 2000)).isEqualTo(new LossScale(true, 65_536, 0, 1));
    assertThat(halved.afterSkippedStep()).isEqualTo(new LossScale(true, 16_384, 0, 2));
  }

  @Test
  void scaleStopsGrowingBeforeItOverflows() {
    double largest = Math.scalb(1.0, 127);

    assertThat(new LossScale(true, largest / 2, 1999, 0).afterGoodStep().factor())
        .isEqualTo(largest);
    assertThat(new LossScale(true, largest, 1999, 0).afterGoodStep())
        .isEqualTo(new LossScale(true, largest, 0, 0));
  }

  @Test
  void scaleIsExhaustedBelowOne() {
    LossScale two = new LossScale(true, 2, 0, 0);

    assertThat(two.afterSkippedStep().exhausted()).isFalse();
    assertThat(two.afterSkippedStep().afterSkippedStep().exhausted()).isTrue();
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16"})
  void otherTypesHaveNoScale(ScalarType type) {
    assertThat(LossScale.startingFor(type)).isSameAs(LossScale.NONE);
    assertThat(good(LossScale.NONE, 2000)).isSameAs(LossScale.NONE);
    assertThat(LossScale.NONE.factor()).isEqualTo(1);
  }

  @Test
  void savedScaleGoesOnAndSkippedStepsOutliveAChangeOfPrecision() {
    LossScale saved = new LossScale(true, 1024, 7, 3);
    LossScale unscaled = LossScale.NONE.resumedFrom(saved);

    assertThat(START.resumedFrom(saved)).isEqualTo(saved);
    assertThat(unscaled).isEqualTo(new LossScale(false, 1, 0, 3));
    assertThat(START.resumedFrom(unscaled)).isEqualTo(new LossScale(true, 65_536, 0, 3));
    assertThat(START.resumedFrom(LossScale.NONE)).isEqualTo(START);
  }

  @Test
  void jsonBringsTheScaleBack() {
    LossScale scale = new LossScale(true, Math.scalb(1.0, 127), 1999, 12);
    LossScale unscaled = new LossScale(false, 1, 0, 12);

    assertThat(LossScale.fromJson(scale.toJson())).isEqualTo(scale);
    assertThat(LossScale.fromJson(unscaled.toJson())).isEqualTo(unscaled);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'scale': 0.5, 'good_steps': 0, 'skipped_steps': 0}",
        "{'scale': 'NaN', 'good_steps': 0, 'skipped_steps': 0}",
        "{'scale': 1, 'good_steps': -1, 'skipped_steps': 0}",
        "{'scale': 1, 'skipped_steps': 0}",
        "{'scale': 1, 'good_steps': 0}"
      })
  void damagedJsonIsRefused(String text) {
    JsonObject json = JsonParser.parseString(text).getAsJsonObject();

    assertThatThrownBy(() -> LossScale.fromJson(json)).isInstanceOf(IllegalStateException.class);
  }
}
