package io.github.lora4j.djl.train;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes every step and evaluation as one JSON object on a line of its own, at once, with the key
 * names of Hugging Face's log history: a step has {@code loss}, an evaluation {@code eval_loss}. A
 * skipped step has {@code skipped} in place of {@code grad_norm}.
 *
 * <pre>{@code
 * try (JsonLinesLog log = JsonLinesLog.create(Path.of("log.jsonl"))) {
 *   LoraTrainer.builder(peft).listener(log).build().train(dataset);
 * }
 * }</pre>
 *
 * @since 0.1.0
 */
public final class JsonLinesLog implements TrainingListener, AutoCloseable {

  private static final Gson GSON = new Gson();

  /** A plain file stream: unlike a channel it survives an interrupt of the training thread. */
  private final OutputStream out;

  private JsonLinesLog(OutputStream out) {
    this.out = out;
  }

  /**
   * Starts a file; one that is there is replaced.
   *
   * @param file where to write; missing directories above it are made
   * @return a listener, to be closed by the caller
   * @throws IOException if the file cannot be opened
   */
  public static JsonLinesLog create(Path file) throws IOException {
    return open(file, false);
  }

  /**
   * Continues a file, for a resumed run. Steps that an interrupted run took after its last
   * checkpoint appear twice; the later line counts. A line that a full disk left half-written goes.
   *
   * @param file where to write; made if it is not there
   * @return a listener, to be closed by the caller
   * @throws IOException if the file cannot be opened
   */
  public static JsonLinesLog append(Path file) throws IOException {
    if (Files.exists(file)) {
      dropHalfWrittenLine(file);
    }
    return open(file, true);
  }

  private static void dropHalfWrittenLine(Path file) throws IOException {
    try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "rw")) {
      long end = log.length();
      while (end > 0 && !endsLine(log, end)) {
        end--;
      }
      log.setLength(end);
    }
  }

  private static boolean endsLine(RandomAccessFile log, long end) throws IOException {
    log.seek(end - 1);
    return log.read() == '\n';
  }

  private static JsonLinesLog open(Path file, boolean append) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null) {
      Files.createDirectories(directory);
    }
    return new JsonLinesLog(new FileOutputStream(file.toFile(), append));
  }

  @Override
  public void onStep(TrainingStep step) throws IOException {
    write(TrainingHistory.json(step));
  }

  @Override
  public void onEvaluation(Evaluation evaluation) throws IOException {
    write(TrainingHistory.json(evaluation));
  }

  private void write(JsonObject json) throws IOException {
    out.write((GSON.toJson(json) + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
