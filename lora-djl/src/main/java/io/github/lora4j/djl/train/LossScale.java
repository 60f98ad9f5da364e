package io.github.lora4j.djl.train;

import static io.github.lora4j.djl.train.TrainingHistory.require;

import com.google.gson.JsonObject;
import io.github.lora4j.djl.internal.ScalarType;

/**
 * What the loss is multiplied by, so that small gradients do not vanish in half precision. It
 * adapts as torch's GradScaler does: twice as large after {@value #GROWTH_INTERVAL} good steps in a
 * row, half as large after gradients that are not finite, whose step is skipped. Powers of two
 * leave every digit of a gradient as it was. Other types have the exponents of fp32 and no scale.
 *
 * @param adapts whether a scale is used at all
 * @param factor of the loss; 1 if none is used
 * @param goodSteps in a row since the factor last changed
 * @param skippedSteps of the run so far; neither the optimiser nor the schedule counts them
 * @see <a href="https://arxiv.org/abs/1710.03740">Micikevicius et al. 2018, section 3.2</a>
 */
record LossScale(boolean adapts, double factor, int goodSteps, int skippedSteps) {

  static final double INITIAL = 65_536;
  static final double GROWTH = 2;
  static final double BACKOFF = 0.5;
  static final int GROWTH_INTERVAL = 2000;

  /** No scale, nothing skipped. */
  static final LossScale NONE = new LossScale(false, 1, 0, 0);

  private static final String SCALE = "scale";
  private static final String GOOD_STEPS = "good_steps";
  private static final String SKIPPED_STEPS = "skipped_steps";

  /** The scale that a run begins with. */
  static LossScale startingFor(ScalarType computeType) {
    return computeType == ScalarType.FP16 ? new LossScale(true, INITIAL, 0, 0) : NONE;
  }

  /** The scale after a step with finite gradients. */
  LossScale afterGoodStep() {
    if (!adapts) {
      return this;
    }
    if (goodSteps + 1 < GROWTH_INTERVAL) {
      return new LossScale(true, factor, goodSteps + 1, skippedSteps);
    }
    double grown = factor * GROWTH; // torch keeps it in fp32 and does not let it overflow
    return new LossScale(true, grown > Float.MAX_VALUE ? factor : grown, 0, skippedSteps);
  }

  /** The scale after a step that was skipped. */
  LossScale afterSkippedStep() {
    return new LossScale(true, factor * BACKOFF, 0, skippedSteps + 1);
  }

  /** Whether a smaller scale cannot be what gradients lack that are not finite. */
  boolean exhausted() {
    return factor < 1;
  }

  /** The scale to go on with: the one saved, or this if one of the two runs uses none. */
  LossScale resumedFrom(LossScale saved) {
    return adapts == saved.adapts
        ? saved
        : new LossScale(adapts, factor, goodSteps, saved.skippedSteps);
  }

  JsonObject toJson() {
    JsonObject json = new JsonObject();
    if (adapts) {
      json.addProperty(SCALE, factor);
      json.addProperty(GOOD_STEPS, goodSteps);
    }
    json.addProperty(SKIPPED_STEPS, skippedSteps);
    return json;
  }

  static LossScale fromJson(JsonObject json) {
    int skipped = require(json, SKIPPED_STEPS).getAsInt();
    if (!json.has(SCALE)) {
      return new LossScale(false, 1, 0, skipped);
    }
    double factor = json.get(SCALE).getAsDouble();
    int good = require(json, GOOD_STEPS).getAsInt();
    if (!(factor >= 1 && factor <= Float.MAX_VALUE) || good < 0 || skipped < 0) {
      throw new IllegalStateException("'loss_scale' is " + json);
    }
    return new LossScale(true, factor, good, skipped);
  }
}
