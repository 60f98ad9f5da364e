package io.github.lora4j.hub;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Which files of a repository a base model is made of. */
final class ModelFiles {

  static final String INDEX = "model.safetensors.index.json";
  private static final String WEIGHTS = "model.safetensors";
  private static final String PICKLE = "pytorch_model.bin";

  static final String TOKENIZER_CONFIG = "tokenizer_config.json";

  /** Without these no model is whole. */
  static final List<String> REQUIRED = List.of("config.json", "tokenizer.json", TOKENIZER_CONFIG);

  private static final List<String> OPTIONAL =
      List.of(
          "generation_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json");

  /** An index of a thousand shards with all their tensors has some megabytes. */
  private static final long MOST_INDEX = 100_000_000;

  private ModelFiles() {}

  /** All but the weights, the index of which included. */
  static List<String> small(Collection<String> names, String prefix) {
    List<String> wanted = new ArrayList<>(REQUIRED);
    wanted.addAll(OPTIONAL);
    wanted.add(INDEX);
    Stream<String> named = wanted.stream().map(name -> prefix + name).filter(names::contains);
    String templates = prefix + "additional_chat_templates/";
    Stream<String> more =
        names.stream()
            .filter(name -> name.startsWith(templates) && name.endsWith(".jinja"))
            .filter(name -> name.indexOf('/', templates.length()) < 0 && HubPath.isFile(name))
            .sorted();
    return Stream.concat(named, more).toList();
  }

  /**
   * Refuses a repository without weights that can be read, before anything is loaded.
   *
   * @param names all of its files
   */
  static void requireWeights(Collection<String> names, String prefix, HubSubject subject)
      throws HubException {
    if (names.contains(prefix + INDEX) || names.contains(prefix + WEIGHTS)) {
      return;
    }
    String pickle =
        names.stream().anyMatch(n -> n.startsWith(prefix + "pytorch_model"))
            ? "; %s is a pickle, which can run code and is not read: ask for another revision, or convert it"
                .formatted(PICKLE)
            : "";
    throw new HubException(
        Kind.FILE_NOT_FOUND,
        "%s has neither '%s' nor '%s'%s"
            .formatted(subject, prefix + WEIGHTS, prefix + INDEX, pickle));
  }

  /**
   * The files of weights.
   *
   * @param index where the index is if there is one
   */
  static List<String> weights(Path index, String prefix) throws IOException {
    if (!Files.isRegularFile(index)) {
      return List.of(prefix + WEIGHTS);
    }
    return shards(index).stream().map(name -> prefix + name).toList();
  }

  /** Plain names beside the index: it comes from the network, and says what is loaded and read. */
  private static List<String> shards(Path index) throws IOException {
    if (Files.size(index) > MOST_INDEX) {
      throw refused(index, "it has " + HubText.bytes(Files.size(index)));
    }
    try {
      JsonObject json = JsonParser.parseString(Files.readString(index)).getAsJsonObject();
      TreeSet<String> names = new TreeSet<>();
      for (JsonElement name : json.getAsJsonObject("weight_map").asMap().values()) {
        String shard = name.getAsString();
        if (!HubPath.isFile(shard) || shard.contains("/")) {
          throw refused(index, "it names a file '%s'".formatted(HubText.printable(shard)));
        }
        names.add(shard);
      }
      return List.copyOf(names);
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | NullPointerException
        | ClassCastException
        | CharacterCodingException e) {
      throw refused(index, "it is not the JSON wanted");
    }
  }

  private static HubException refused(Path index, String what) {
    return new HubException(
        Kind.REFUSED,
        "%s is no index of weights: %s; wanted plain names of files beside it, nothing was loaded"
            .formatted(index, what));
  }
}
