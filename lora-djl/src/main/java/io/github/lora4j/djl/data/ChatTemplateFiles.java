package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Where a model directory keeps its chat templates. */
final class ChatTemplateFiles {

  private ChatTemplateFiles() {}

  /** Sources by name, at least one. */
  static Map<String, String> read(Path directory) throws IOException {
    Map<String, String> sources = new TreeMap<>();
    Path single = directory.resolve("chat_template.jinja");
    if (Files.exists(single)) {
      sources.put("default", text(single));
    }
    Path additional = directory.resolve("additional_chat_templates");
    if (Files.isDirectory(additional)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(additional, "*.jinja")) {
        for (Path file : files) {
          String name = file.getFileName().toString();
          sources.put(name.substring(0, name.length() - ".jinja".length()), text(file));
        }
      }
    }
    if (sources.isEmpty()) {
      sources.putAll(configured(directory));
    }
    if (sources.isEmpty()) {
      sources.putAll(ofProcessor(directory));
    }
    if (sources.isEmpty()) {
      throw new LoraException(
          directory
              + " has no chat template: neither chat_template.jinja, nor chat_template in"
              + " tokenizer_config.json, nor chat_template.json; a base model has none, an instruct model has");
    }
    return sources;
  }

  private static Map<String, String> configured(Path directory) throws IOException {
    Map<String, String> sources = new TreeMap<>();
    Path file = directory.resolve("tokenizer_config.json");
    if (!Files.exists(file)) {
      return sources;
    }
    Json config = Json.read(file, "the chat template");
    Optional<List<Json>> several = config.list("chat_template");
    if (several.isPresent()) {
      for (Json named : several.get()) {
        sources.put(
            named.require("name", named.text("name")),
            named.require("template", named.text("template")));
      }
    } else {
      config.text("chat_template").ifPresent(text -> sources.put("default", text));
    }
    return sources;
  }

  /** Beside models that see pictures: what their processor was saved with. */
  private static Map<String, String> ofProcessor(Path directory) throws IOException {
    Path file = directory.resolve("chat_template.json");
    if (!Files.exists(file)) {
      return Map.of();
    }
    Json json = Json.read(file, "the chat template");
    return Map.of("default", json.require("chat_template", json.text("chat_template")));
  }

  private static String text(Path file) throws IOException {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new LoraException(file + ": is no UTF-8 text", e);
    }
  }
}
