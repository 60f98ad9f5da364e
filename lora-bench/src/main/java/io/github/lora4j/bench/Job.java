package io.github.lora4j.bench;

import com.google.gson.Gson;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.layer.TokenBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What both sides of a comparison read: one JSON file that {@code side_by_side.py} writes, with
 * every field in it.
 *
 * @param model a model directory
 * @param adapters adapter directories
 * @param precision a name of {@link Precision}, in any case
 * @param batches what to run
 * @param recompute whether layers are run again in backward
 * @param shared whether the rows of a batch begin with the same passage, which may be run once
 * @param repetitions how often to time all batches
 * @param newTokens tokens to decode for each row
 * @param results safetensors file for what is compared; empty for none
 */
record Job(
    String model,
    List<String> adapters,
    String precision,
    List<Batch> batches,
    boolean recompute,
    boolean shared,
    int repetitions,
    int newTokens,
    String results) {

  /** Rows of ids, and their labels in Hugging Face's convention. */
  record Batch(List<int[]> tokens, List<int[]> labels) {}

  static Job read(String file) throws IOException {
    return new Gson().fromJson(Files.readString(Path.of(file)), Job.class);
  }

  CausalLm load() throws IOException {
    Precision chosen = Precision.valueOf(precision.toUpperCase(Locale.ROOT));
    return CausalLm.load(model, LoadOptions.builder().precision(chosen).build());
  }

  /** All adapters beside the base; to be closed before it. */
  List<PeftModel<CausalLm>> adapters(CausalLm base, boolean trainable) throws IOException {
    List<PeftModel<CausalLm>> views = new ArrayList<>();
    for (String adapter : adapters) {
      views.add(PeftModel.fromPretrained(base, Path.of(adapter), trainable));
    }
    return views;
  }

  List<TokenBatch> tokenBatches() {
    return batches.stream().map(this::tokenBatch).toList();
  }

  private TokenBatch tokenBatch(Batch batch) {
    TokenBatch rows = TokenBatch.of(batch.tokens(), batch.labels());
    return shared ? rows.shared() : rows;
  }
}
