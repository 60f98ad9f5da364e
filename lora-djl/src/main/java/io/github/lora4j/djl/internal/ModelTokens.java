package io.github.lora4j.djl.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** The special tokens of a model directory, without loading its tokenizer. */
public final class ModelTokens {

  private ModelTokens() {}

  /**
   * What the special tokens are for.
   *
   * @param directory of a checkpoint
   * @return role, e.g. {@code bos_token}, to the token's text
   * @throws IOException if a file cannot be read
   */
  public static Map<String, String> roles(Path directory) throws IOException {
    return SpecialTokens.read(directory, kind(directory).roles()).texts();
  }

  /** The class that transformers loads the tokenizer with. */
  static TokenizerKind kind(Path directory) throws IOException {
    Optional<Json> config = read(directory.resolve("tokenizer_config.json"));
    Optional<Json> model = read(directory.resolve("config.json"));
    Optional<String> named =
        config
            .flatMap(json -> json.text("tokenizer_class"))
            .or(() -> model.flatMap(json -> json.text("tokenizer_class")));
    return TokenizerKind.of(model.flatMap(json -> json.text("model_type")), named);
  }

  static Optional<Json> read(Path file) throws IOException {
    return Files.exists(file)
        ? Optional.of(Json.read(file, "settings of a tokenizer"))
        : Optional.empty();
  }
}
