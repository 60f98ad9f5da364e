package io.github.lora4j.djl.train;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/**
 * Steps and evaluations as JSON, with the key names of Hugging Face's log history. JSON has no
 * infinity: a skipped step has {@code skipped} in place of {@code grad_norm}.
 */
final class TrainingHistory {

  private TrainingHistory() {}

  static JsonObject json(TrainingStep step) {
    JsonObject json = new JsonObject();
    json.addProperty("step", step.step());
    json.addProperty("epoch", step.epoch());
    json.addProperty("loss", step.loss());
    if (step.skipped()) {
      json.addProperty("skipped", true);
    } else {
      json.addProperty("grad_norm", step.gradNorm());
    }
    json.addProperty("learning_rate", step.learningRate());
    json.addProperty("tokens_per_second", step.tokensPerSecond());
    json.addProperty("peak_native_bytes", step.peakNativeBytes());
    return json;
  }

  static TrainingStep step(JsonElement element) {
    JsonObject json = element.getAsJsonObject();
    return new TrainingStep(
        require(json, "step").getAsInt(),
        require(json, "epoch").getAsDouble(),
        require(json, "loss").getAsDouble(),
        json.has("skipped") ? TrainingStep.SKIPPED : require(json, "grad_norm").getAsDouble(),
        require(json, "learning_rate").getAsDouble(),
        require(json, "tokens_per_second").getAsDouble(),
        require(json, "peak_native_bytes").getAsLong());
  }

  static JsonObject json(Evaluation evaluation) {
    JsonObject json = new JsonObject();
    json.addProperty("step", evaluation.step());
    json.addProperty("epoch", evaluation.epoch());
    json.addProperty("eval_loss", evaluation.loss());
    return json;
  }

  static Evaluation evaluation(JsonElement element) {
    JsonObject json = element.getAsJsonObject();
    return new Evaluation(
        require(json, "step").getAsInt(),
        require(json, "epoch").getAsDouble(),
        require(json, "eval_loss").getAsDouble());
  }

  /** A value that must be there. */
  static JsonElement require(JsonObject json, String name) {
    JsonElement value = json.get(name);
    if (value == null) {
      throw new IllegalStateException("'%s' is missing".formatted(name));
    }
    return value;
  }
}
