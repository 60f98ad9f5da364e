package io.github.lora4j.djl.train;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/** Steps and evaluations as JSON, with the key names of Hugging Face's log history. */
final class TrainingHistory {

  private TrainingHistory() {}

  static JsonObject json(TrainingStep step) {
    JsonObject json = new JsonObject();
    json.addProperty("step", step.step());
    json.addProperty("epoch", step.epoch());
    json.addProperty("loss", step.loss());
    json.addProperty("grad_norm", step.gradNorm());
    json.addProperty("learning_rate", step.learningRate());
    json.addProperty("tokens_per_second", step.tokensPerSecond());
    json.addProperty("peak_native_bytes", step.peakNativeBytes());
    return json;
  }

  static TrainingStep step(JsonElement element) {
    JsonObject json = element.getAsJsonObject();
    return new TrainingStep(
        json.get("step").getAsInt(),
        json.get("epoch").getAsDouble(),
        json.get("loss").getAsDouble(),
        json.get("grad_norm").getAsDouble(),
        json.get("learning_rate").getAsDouble(),
        json.get("tokens_per_second").getAsDouble(),
        json.get("peak_native_bytes").getAsLong());
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
        json.get("step").getAsInt(),
        json.get("epoch").getAsDouble(),
        json.get("eval_loss").getAsDouble());
  }
}
