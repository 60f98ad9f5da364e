package io.github.lora4j.djl.internal;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.lora4j.LoraException;
import io.github.lora4j.io.JsonReason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Map;
import java.util.Optional;

/**
 * A tokenizer as transformers 5 loads it: {@code tokenizer.json}, changed where the class of the
 * tokenizer or {@code tokenizer_config.json} changes it. What the file adds around a text counts,
 * whatever {@code add_bos_token} says.
 *
 * @param json what the native tokenizer is made of
 * @param addedTokens text to id of the tokens beside the vocabulary, special or not
 * @param specialTokens what the special ones are for
 * @param byteTokens ids of tokens that are one byte each, written {@code <0x41>}
 * @param skippedTokens ids of the special ones, which decoding leaves out
 * @param cleansUp whether spaces before punctuation go from decoded texts
 */
public record TokenizerFile(
    String json,
    Map<String, Integer> addedTokens,
    SpecialTokens specialTokens,
    BitSet byteTokens,
    BitSet skippedTokens,
    boolean cleansUp) {

  private static final String CLEAN_UP = "clean_up_tokenization_spaces";
  private static final String CLEAN_UP_BPE =
      CLEAN_UP + "_for_bpe_even_though_it_will_corrupt_output";
  private static final Gson GSON =
      new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

  /** Copies the map. */
  public TokenizerFile {
    addedTokens = Map.copyOf(addedTokens);
  }

  /**
   * Reads the files of a model directory.
   *
   * @param directory holds {@code tokenizer.json} and may hold {@code tokenizer_config.json},
   *     {@code special_tokens_map.json} and {@code config.json}
   * @return the tokenizer
   * @throws IOException if a file is missing or cannot be read
   * @throws LoraException if a file is not what it should be
   */
  public static TokenizerFile read(Path directory) throws IOException {
    Path path = directory.resolve("tokenizer.json");
    try {
      return read(directory, path);
    } catch (UnsupportedOperationException | IllegalStateException | NumberFormatException e) {
      throw new LoraException(path + " is no tokenizer: " + JsonReason.of(e), e);
    }
  }

  /**
   * The same without the text that the native tokenizer was made of, which may be megabytes.
   *
   * @return what is asked for later
   */
  public TokenizerFile withoutJson() {
    return new TokenizerFile("", addedTokens, specialTokens, byteTokens, skippedTokens, cleansUp);
  }

  private static TokenizerFile read(Path directory, Path path) throws IOException {
    Json checked = Json.read(path, "the tokenizer of a model directory");
    JsonObject file = checked.copy();
    Optional<Json> config = ModelTokens.read(directory.resolve("tokenizer_config.json"));
    TokenizerKind kind = isBpe(file) ? ModelTokens.kind(directory) : TokenizerKind.AS_WRITTEN;
    SpecialTokens special = SpecialTokens.read(directory, kind.roles());
    kind.rebuild(
        file,
        config.flatMap(json -> json.flag("add_prefix_space")),
        is(config, "legacy"),
        Optional.ofNullable(special.texts().get("unk_token")));
    Map<String, Integer> added = new AddedTokens(checked, file, config, special).merge();
    boolean cleansUp = is(config, CLEAN_UP) && (!isBpe(file) || is(config, CLEAN_UP_BPE));
    return new TokenizerFile(
        GSON.toJson(file), added, special, byteTokens(file), skipped(file), cleansUp);
  }

  private static boolean is(Optional<Json> config, String flag) {
    return config.flatMap(json -> json.flag(flag)).orElse(false);
  }

  private static BitSet byteTokens(JsonObject file) {
    BitSet ids = new BitSet();
    boolean bytes = String.valueOf(file.get("decoder")).contains("\"ByteFallback\"");
    if (bytes && AddedTokens.vocab(file).orElse(null) instanceof JsonObject vocabulary) {
      for (int i = 0; i < 256; i++) {
        JsonElement id = vocabulary.get("<0x%02X>".formatted(i));
        if (id != null) {
          ids.set(id.getAsInt());
        }
      }
    }
    return ids;
  }

  private static BitSet skipped(JsonObject file) {
    BitSet ids = new BitSet();
    for (JsonElement token : file.getAsJsonArray("added_tokens")) {
      JsonElement special = token.getAsJsonObject().get("special");
      if (special != null && special.getAsBoolean()) {
        ids.set(token.getAsJsonObject().get("id").getAsInt());
      }
    }
    return ids;
  }

  private static boolean isBpe(JsonObject file) {
    if (!(file.get("model") instanceof JsonObject model)) {
      return false;
    }
    JsonElement type = model.get("type");
    return (type != null && type.isJsonPrimitive())
        ? type.getAsString().equals("BPE")
        : model.has("merges");
  }
}
