package io.github.lora4j.djl.internal;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The tokenizer classes of transformers 5. All but {@link #AS_WRITTEN} take vocabulary, merges and
 * what is added around a text from {@code tokenizer.json}, and the rest from their own code.
 */
enum TokenizerKind {
  /** {@code TokenizersBackend}: the file as it is. */
  AS_WRITTEN(Map.of()),
  LLAMA(Map.of("unk_token", "<unk>", "bos_token", "<s>", "eos_token", "</s>")),
  GPT2(
      Map.of(
          "unk_token",
          "<|endoftext|>",
          "bos_token",
          "<|endoftext|>",
          "eos_token",
          "<|endoftext|>")),
  QWEN2(
      Map.of(
          "unk_token",
          "<|endoftext|>",
          "eos_token",
          "<|endoftext|>",
          "pad_token",
          "<|endoftext|>")),
  GEMMA(
      Map.of(
          "unk_token", "<unk>",
          "bos_token", "<bos>",
          "eos_token", "<eos>",
          "pad_token", "<pad>",
          "mask_token", "<mask>")),
  GPT_NEOX(
      Map.of(
          "unk_token", "<|endoftext|>",
          "bos_token", "<|endoftext|>",
          "eos_token", "<|endoftext|>",
          "pad_token", "<|padding|>"));

  private static final Map<String, TokenizerKind> CLASSES =
      Map.of(
          "LlamaTokenizer", LLAMA,
          "GPT2Tokenizer", GPT2,
          "Qwen2Tokenizer", QWEN2,
          "GemmaTokenizer", GEMMA,
          "GPTNeoXTokenizer", GPT_NEOX);

  /** The class of a model type where the files name none, and where they name a wrong one. */
  private static final Map<String, TokenizerKind> MODELS =
      Map.ofEntries(
          Map.entry("mistral", AS_WRITTEN),
          Map.entry("phi3", AS_WRITTEN),
          Map.entry("qwen2", QWEN2),
          Map.entry("qwen3", QWEN2),
          Map.entry("gpt2", GPT2),
          Map.entry("opt", GPT2),
          Map.entry("phi", GPT2),
          Map.entry("gpt_neox", GPT_NEOX),
          Map.entry("gemma", GEMMA),
          Map.entry("gemma2", GEMMA),
          Map.entry("gemma3", GEMMA),
          Map.entry("gemma3_text", GEMMA));

  /** Model types whose files are known to name a wrong class. */
  private static final Set<String> MISNAMED = Set.of("qwen2");

  private static final String QWEN_WORDS =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
          + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  @SuppressWarnings("ImmutableEnumChecker") // all are made by Map.of
  private final Map<String, String> roles;

  TokenizerKind(Map<String, String> roles) {
    this.roles = roles;
  }

  /** The special tokens of the class where the files do not name them. */
  Map<String, String> roles() {
    return roles;
  }

  /**
   * The class that {@code AutoTokenizer} chooses.
   *
   * @param model type of the model in {@code config.json}
   * @param named {@code tokenizer_class} of the files, with or without {@code Fast} at its end
   */
  static TokenizerKind of(Optional<String> model, Optional<String> named) {
    Optional<TokenizerKind> registered = model.map(MODELS::get);
    if (named.isEmpty()) {
      return registered.orElse(AS_WRITTEN);
    }
    TokenizerKind written = CLASSES.getOrDefault(named.get().replaceFirst("Fast$", ""), AS_WRITTEN);
    if (registered.isEmpty()) {
      return written;
    }
    boolean takesRegistered = registered.get() == AS_WRITTEN || MISNAMED.contains(model.orElse(""));
    return takesRegistered ? registered.get() : written;
  }

  /**
   * Makes of a file what the class makes of it.
   *
   * @param file content of {@code tokenizer.json}, changed
   * @param prefixSpace {@code add_prefix_space} of the configuration
   * @param legacy {@code legacy} of the configuration
   * @param unknown the token for what is not in the vocabulary
   */
  void rebuild(
      JsonObject file, Optional<Boolean> prefixSpace, boolean legacy, Optional<String> unknown) {
    boolean prefix = prefixSpace.orElse(this == LLAMA);
    String byteLevel =
        """
        {"type": "ByteLevel", "add_prefix_space": %s, "trim_offsets": true, "use_regex": %s}""";
    switch (this) {
      case AS_WRITTEN -> {
        return;
      }
      case LLAMA -> {
        model(file, true, true, Optional.empty());
        file.add("normalizer", JsonNull.INSTANCE);
        file.add(
            "pre_tokenizer",
            json(
                """
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "%s", "split": false}"""
                    .formatted(!prefix ? "never" : legacy ? "always" : "first")));
        file.add("decoder", spaces(prefix));
      }
      case GEMMA -> {
        model(file, true, true, unknown);
        file.add(
            "normalizer",
            json("{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"▁\"}"));
        file.add(
            "pre_tokenizer",
            json(
                """
                {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}"""));
        file.add("decoder", spaces(false));
      }
      case GPT2, GPT_NEOX -> {
        model(file, false, false, Optional.empty());
        file.add("normalizer", this == GPT2 ? JsonNull.INSTANCE : json("{\"type\": \"NFC\"}"));
        file.add("pre_tokenizer", json(byteLevel.formatted(prefix, true)));
        file.add("decoder", json(byteLevel.formatted(true, true)));
      }
      case QWEN2 -> {
        model(file, false, false, Optional.empty());
        file.add("normalizer", json("{\"type\": \"NFC\"}"));
        JsonObject words =
            json("{\"type\": \"Split\", \"behavior\": \"Isolated\", \"invert\": false}");
        JsonObject pattern = new JsonObject();
        pattern.addProperty("Regex", QWEN_WORDS);
        words.add("pattern", pattern);
        JsonArray both = new JsonArray();
        both.add(words);
        both.add(json(byteLevel.formatted(prefix, false)));
        JsonObject sequence = json("{\"type\": \"Sequence\"}");
        sequence.add("pretokenizers", both);
        file.add("pre_tokenizer", sequence);
        file.add("decoder", json(byteLevel.formatted(true, true)));
      }
    }
    if (this == GPT_NEOX) { // the class forgets what the file adds around a text
      file.add("post_processor", JsonNull.INSTANCE);
    }
  }

  private static void model(
      JsonObject file, boolean fuse, boolean bytes, Optional<String> unknown) {
    JsonObject old = file.getAsJsonObject("model");
    JsonObject model =
        json("{\"type\": \"BPE\", \"dropout\": null, \"continuing_subword_prefix\": \"\"}");
    model.addProperty("end_of_word_suffix", "");
    if (bytes) {
      model.add("continuing_subword_prefix", JsonNull.INSTANCE);
      model.add("end_of_word_suffix", JsonNull.INSTANCE);
    }
    model.addProperty("unk_token", unknown.orElse(null));
    model.addProperty("fuse_unk", fuse);
    model.addProperty("byte_fallback", bytes);
    model.addProperty("ignore_merges", false);
    model.add("vocab", old.get("vocab"));
    JsonElement merges = old.get("merges");
    model.add("merges", merges == null ? new JsonArray() : merges);
    file.add("model", model);
  }

  private static JsonObject spaces(boolean strip) {
    JsonArray decoders = new JsonArray();
    decoders.add(
        json("{\"type\": \"Replace\", \"pattern\": {\"String\": \"▁\"}, \"content\": \" \"}"));
    decoders.add(json("{\"type\": \"ByteFallback\"}"));
    decoders.add(json("{\"type\": \"Fuse\"}"));
    if (strip) {
      decoders.add(json("{\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}"));
    }
    JsonObject sequence = json("{\"type\": \"Sequence\"}");
    sequence.add("decoders", decoders);
    return sequence;
  }

  private static JsonObject json(String text) {
    return JsonParser.parseString(text).getAsJsonObject();
  }
}
