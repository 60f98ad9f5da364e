package io.github.lora4j.djl;

import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.io.AtomicDirectory;
import io.github.lora4j.io.AtomicFile;
import io.github.lora4j.io.ShardedWriter;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes a base as the Hugging Face model directory that {@link ModelDirectory} reads. */
final class ModelWriter {

  /** As much as transformers put into a file for years; tools choke on more. */
  static final long SHARD_BYTES = 5_000_000_000L;

  private static final Logger log = LoggerFactory.getLogger(ModelWriter.class);

  /** What says how to use a model, beside its weights and configuration. */
  private static final List<String> COMPANIONS =
      List.of(
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "vocab.json",
          "merges.txt",
          "vocab.txt",
          "tokenizer.model",
          "spiece.model",
          "sentencepiece.bpe.model",
          "chat_template.jinja",
          "chat_template.json");

  private static final String MORE_TEMPLATES = "additional_chat_templates";
  private static final String WORDS = "vocab_size";
  private static final String TIED = "tie_word_embeddings";

  private ModelWriter() {}

  static void write(CausalLm model, Path source, Path directory, long maxShardBytes)
      throws IOException {
    if (model.precision() == Precision.INT8) {
      throw new IllegalStateException(
          "matrices in INT8 are rounded for this process and no checkpoint holds them: load the"
              + " base in BF16, FP16 or FP32, merge and save that");
    }
    if (Files.isDirectory(directory) && Files.isSameFile(directory, source)) {
      throw new IllegalArgumentException(
          "'%s' is where the base was loaded from, which stays as it is; save to another directory"
              .formatted(directory));
    }
    ShardedWriter weights = new ShardedWriter(maxShardBytes);
    model.decoder().addTo(weights);
    String config = config(source, model);
    AtomicDirectory.write(
        directory,
        "a model",
        ModelDirectory.CONFIG,
        name -> ShardedWriter.writes(name) || COMPANIONS.contains(name),
        aside -> {
          for (String name : COMPANIONS) {
            copy(source.resolve(name), aside.resolve(name));
          }
          weights.writeTo(aside);
          AtomicFile.write(
              aside.resolve(ModelDirectory.CONFIG), config.getBytes(StandardCharsets.UTF_8));
        });
    copyTemplates(source.resolve(MORE_TEMPLATES), directory.resolve(MORE_TEMPLATES));
    log.info("model saved to {} in {}", directory, model.precision());
  }

  /** Named chat templates, which stand in a directory of their own; others there would be wrong. */
  private static void copyTemplates(Path from, Path to) throws IOException {
    List<Path> old = templates(to);
    for (Path file : old) {
      Files.delete(file);
    }
    List<Path> fresh = templates(from);
    if (!fresh.isEmpty()) {
      Files.createDirectories(to);
    }
    for (Path file : fresh) {
      copy(file, to.resolve(file.getFileName()));
    }
  }

  private static List<Path> templates(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(".jinja")).sorted().toList();
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    if (Files.isRegularFile(from)) {
      AtomicFile.write(to, Files.readAllBytes(from));
    }
  }

  /**
   * The base's own, with the type of the weights and, where merging changed them, the number of
   * words and whether the head is the embedding; its name would be another model's.
   */
  private static String config(Path source, CausalLm model) throws IOException {
    Json json =
        Json.read(source.resolve(ModelDirectory.CONFIG), "the configuration of the saved base");
    Map<String, Object> members = new TreeMap<>();
    String type =
        switch (model.precision()) {
          case FP16 -> "float16";
          case BF16 -> "bfloat16";
          default -> "float32";
        };
    for (String key : List.of("torch_dtype", "dtype")) { // the name until 2025, and today's
      if (json.has(key)) {
        members.put(key, type);
      }
    }
    if (members.isEmpty()) {
      members.put("dtype", type);
    }
    if (json.whole(WORDS).orElse(0) != model.vocabulary()) {
      members.put(WORDS, model.vocabulary());
    }
    if (json.flag(TIED).orElse(true) && hasOwnHead(model.modules())) {
      members.put(TIED, false);
    }
    return json.with(members, "_name_or_path");
  }

  private static boolean hasOwnHead(ModuleTree tree) {
    return tree.modules().stream()
        .filter(module -> module.kind() == TargetModule.Kind.OUTPUT_HEAD)
        .anyMatch(
            head ->
                tree.parameters().stream()
                    .anyMatch(parameter -> parameter.name().equals(head.path() + ".weight")));
  }
}
