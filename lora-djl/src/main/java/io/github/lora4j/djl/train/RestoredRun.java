package io.github.lora4j.djl.train;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A checkpoint, read and checked.
 *
 * @param directory the checkpoint
 * @param state where the run stood
 * @param values the adapter's tensors
 * @param moments of the optimiser
 */
record RestoredRun(
    Path directory,
    TrainingState state,
    Map<String, TensorData> values,
    Map<String, TensorData> moments) {

  /**
   * Reads a checkpoint of a run.
   *
   * @param path a checkpoint or the directory of checkpoints
   * @param peft the view to be trained on
   * @param identity the run that shall go on
   * @throws LoraException if it belongs to another run or is damaged
   */
  static RestoredRun read(Path path, PeftModel<CausalLm> peft, RunIdentity identity)
      throws IOException {
    Path directory =
        Checkpoints.find(path)
            .orElseThrow(
                () ->
                    new NoSuchFileException(
                        path.toString(),
                        null,
                        "neither a checkpoint nor a directory with one; to begin a new run, leave"
                            + " resumeFrom out"));
    TrainingState state = TrainingState.read(directory.resolve(TrainingState.FILE_NAME));
    identity.requireSame(state.identity(), directory);
    Map<String, TensorData> moments = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(directory.resolve(Checkpoints.OPTIMIZER))) {
      for (TensorEntry tensor : file.tensors()) {
        moments.put(tensor.name(), new TensorData(tensor.shape(), file.floats(tensor)));
      }
    }
    return new RestoredRun(directory, state, peft.readTensors(directory), moments);
  }

  /** Where the best adapter so far stands, if an evaluation was made and nobody deleted it. */
  Optional<Path> bestCheckpoint() {
    Path best = directory.resolveSibling(Checkpoints.nameOf(state.best().step()));
    return state.best().step() > 0 && Files.exists(best) ? Optional.of(best) : Optional.empty();
  }
}
