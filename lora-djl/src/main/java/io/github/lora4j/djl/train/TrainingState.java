package io.github.lora4j.djl.train;

import static io.github.lora4j.djl.train.TrainingHistory.require;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a run stands, the tensors apart: the {@code trainer_state.json} of a checkpoint. The place
 * in the data and the streams of random numbers follow from the step.
 *
 * @param identity what run it is
 * @param step optimiser steps taken
 * @param best the evaluation with the lowest loss; step 0 before the first
 * @param sinceBest evaluations after the best one
 * @param lossScale of the next step; in the file only if it says anything
 * @param steps records so far
 * @param evaluations records so far
 */
record TrainingState(
    RunIdentity identity,
    int step,
    Evaluation best,
    int sinceBest,
    LossScale lossScale,
    List<TrainingStep> steps,
    List<Evaluation> evaluations) {

  static final String FILE_NAME = "trainer_state.json";

  /** Worse than any loss. */
  static final Evaluation NONE = new Evaluation(0, 0, Double.POSITIVE_INFINITY);

  private static final String FORMAT = "lora4j-training-1";
  private static final String LOSS_SCALE = "loss_scale";
  private static final Gson GSON = new GsonBuilder().setPrettyPrinting().create();

  TrainingState {
    steps = List.copyOf(steps);
    evaluations = List.copyOf(evaluations);
  }

  String toJson() {
    JsonObject json = new JsonObject();
    json.addProperty("format", FORMAT);
    json.addProperty("step", step);
    json.addProperty("epoch", steps.isEmpty() ? 0 : steps.get(steps.size() - 1).epoch());
    json.add("run", identity.toJson());
    if (!best.equals(NONE)) {
      json.add("best", TrainingHistory.json(best));
    }
    json.addProperty("evaluations_since_best", sinceBest);
    if (!lossScale.equals(LossScale.NONE)) {
      json.add(LOSS_SCALE, lossScale.toJson());
    }
    JsonArray stepRecords = new JsonArray();
    steps.forEach(record -> stepRecords.add(TrainingHistory.json(record)));
    json.add("steps", stepRecords);
    JsonArray evaluationRecords = new JsonArray();
    evaluations.forEach(record -> evaluationRecords.add(TrainingHistory.json(record)));
    json.add("evaluations", evaluationRecords);
    return GSON.toJson(json) + "\n";
  }

  /**
   * Reads the state of a checkpoint.
   *
   * @throws LoraException if the file is of another format
   */
  static TrainingState read(Path file) throws IOException {
    try {
      JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
      if (!json.has("format") || !json.get("format").getAsString().equals(FORMAT)) {
        throw new LoraException(
            "%s has no format %s: not a checkpoint of this library".formatted(file, FORMAT));
      }
      List<TrainingStep> steps = new ArrayList<>();
      require(json, "steps")
          .getAsJsonArray()
          .forEach(record -> steps.add(TrainingHistory.step(record)));
      List<Evaluation> evaluations = new ArrayList<>();
      require(json, "evaluations")
          .getAsJsonArray()
          .forEach(record -> evaluations.add(TrainingHistory.evaluation(record)));
      return new TrainingState(
          RunIdentity.fromJson(require(json, "run").getAsJsonObject()),
          require(json, "step").getAsInt(),
          json.has("best") ? TrainingHistory.evaluation(json.get("best")) : NONE,
          require(json, "evaluations_since_best").getAsInt(),
          json.has(LOSS_SCALE)
              ? LossScale.fromJson(json.getAsJsonObject(LOSS_SCALE))
              : LossScale.NONE,
          steps,
          evaluations);
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | ClassCastException
        | NumberFormatException e) {
      throw new LoraException("%s is damaged: %s".formatted(file, e.getMessage()), e);
    }
  }
}
