package io.github.lora4j;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import io.github.lora4j.io.JsonReason;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads PEFT's {@code adapter_config.json}; all that is wrong with it is said at once. */
final class LoraConfigReader {

  /** Real files have a few kilobytes, those that list every module of a large model some more. */
  private static final long MAX_BYTES = 10_000_000;

  /** PiSSA by a randomised decomposition; N says how exact it is. */
  private static final Pattern PISSA_NITER = Pattern.compile("\"pissa_niter_\\d+\"");

  private final JsonObject json;
  private final JsonFields fields;
  private final String file;
  private boolean unsupported;

  private LoraConfigReader(JsonObject json, String file) {
    this.json = json;
    this.fields = new JsonFields(json);
    this.file = file;
  }

  static LoraConfig read(Path fileOrDirectory) throws IOException {
    if (Files.isDirectory(fileOrDirectory)) {
      return read(AdapterFiles.in(fileOrDirectory), LoraConfigKeys.FILE_NAME);
    }
    Path directory = Objects.requireNonNullElse(fileOrDirectory.getParent(), Path.of(""));
    return read(AdapterFiles.in(directory), String.valueOf(fileOrDirectory.getFileName()));
  }

  static LoraConfig read(AdapterFiles files, String name) throws IOException {
    String file = files.where(name);
    if (!files.has(name)) {
      throw new NoSuchFileException(
          file, null, "missing; an adapter needs " + LoraConfigKeys.FILE_NAME);
    }
    byte[] bytes = files.bytes(name, MAX_BYTES);
    Optional<LoraConfig> known = RecentConfigs.SHARED.find(bytes);
    if (known.isPresent()) {
      return known.get();
    }
    LoraConfig config = read(file, bytes);
    RecentConfigs.SHARED.add(bytes, config);
    return config;
  }

  private static LoraConfig read(String file, byte[] bytes) throws IOException {
    JsonElement json = parse(file, bytes);
    if (!json.isJsonObject()) {
      throw new LoraException("%s: wanted a JSON object, got %.80s".formatted(file, json));
    }
    return new LoraConfigReader(json.getAsJsonObject(), file).config();
  }

  private static JsonElement parse(String file, byte[] bytes) throws IOException {
    try (JsonReader reader = new JsonReader(new StringReader(text(bytes)))) {
      reader.setStrictness(Strictness.STRICT);
      JsonElement json = JsonParser.parseReader(reader);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new LoraException(file + " is not JSON: text follows the object");
      }
      return json;
    } catch (CharacterCodingException e) {
      throw new LoraException(file + " is not UTF-8", e);
    } catch (JsonParseException | MalformedJsonException e) {
      throw new LoraException(file + " is not JSON: " + JsonReason.of(e), e);
    }
  }

  private static String text(byte[] bytes) throws CharacterCodingException {
    return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
  }

  private LoraConfig config() {
    checkType();
    LoraConfigKeys.UNSUPPORTED.forEach(this::refuseUnlessDefault);
    refuseUnlessDefault("enable_lora", "null"); // PEFT 0.2's merged linear
    LoraConfig.Builder builder = LoraConfig.builder();
    fields.whole("r").ifPresent(builder::rank);
    fields.number("lora_alpha").ifPresent(builder::alpha);
    fields.number("lora_dropout").ifPresent(builder::dropout);
    targets("target_modules").ifPresent(builder::targetModules);
    targets("exclude_modules").filter(this::isGiven).ifPresent(builder::excludeModules);
    builder.modulesToSave(fields.texts("modules_to_save").toArray(String[]::new));
    builder.layers(fields.wholes("layers_to_transform"), layersPattern());
    builder.rankPattern(fields.wholesByName("rank_pattern"));
    builder.alphaPattern(fields.numbersByName("alpha_pattern"));
    builder.rsLora(fields.flag("use_rslora")).fanInFanOut(fields.flag("fan_in_fan_out"));
    builder.dora(fields.flag("use_dora"));
    choice("bias", Bias.values()).ifPresent(builder::bias);
    choice("task_type", TaskType.values()).ifPresent(builder::taskType);
    init().ifPresent(builder::init);
    fields.text("base_model_name_or_path").ifPresent(builder::baseModel);
    builder.revision(fields.text("revision"));
    builder.otherSettings(others());
    return build(builder);
  }

  private LoraConfig build(LoraConfig.Builder builder) {
    List<String> problems = fields.problems();
    try {
      LoraConfig config = builder.build();
      if (problems.isEmpty()) {
        return config;
      }
    } catch (IllegalArgumentException e) {
      problems.add(e.getMessage());
    }
    throw new LoraException(
        file
            + ": "
            + String.join("; ", problems)
            + (unsupported ? "; train the adapter without, or run it with PEFT" : ""));
  }

  private void checkType() {
    Optional<JsonElement> type = fields.find("peft_type");
    if (type.isEmpty()) {
      throw new LoraException(
          "%s: has no peft_type; wanted PEFT's adapter_config.json with peft_type LORA, found %s; have"
                  .formatted(file, keys())
              + " the adapter saved by PEFT");
    }
    if (!fields.text("peft_type").equals(Optional.of("LORA"))) {
      throw new LoraException(
          "%s: peft_type %s is not supported; wanted LORA, run this one with PEFT"
              .formatted(file, JsonFields.cut(type.get()).replace('"', '\'')));
    }
  }

  /** The first keys, by which one may know whose file it is. */
  private String keys() {
    return "the keys "
        + json.keySet().stream()
            .limit(4)
            .map(key -> key.length() > 40 ? key.substring(0, 40) + "…" : key)
            .toList();
  }

  /** Null, false and empty collections say nothing, whatever the default. */
  private void refuseUnlessDefault(String key, String defaultJson) {
    Optional<JsonElement> value = fields.find(key);
    if (value.isEmpty() || value.get().toString().equals(defaultJson)) {
      return;
    }
    boolean empty =
        (value.get().isJsonArray() && value.get().getAsJsonArray().isEmpty())
            || (value.get().isJsonObject() && value.get().getAsJsonObject().isEmpty())
            || value.get().toString().equals("false");
    if (!empty) {
      fields.problem(
          "%s is %s, which is not supported; only %s is",
          key, JsonFields.cut(value.get()), defaultJson);
      unsupported = true;
    }
  }

  private Optional<TargetModules> targets(String key) {
    Optional<JsonElement> value = fields.find(key);
    if (value.isEmpty() || value.get().isJsonArray()) {
      return value.map(list -> new TargetModules.Names(fields.texts(key)));
    }
    return fields
        .text(key)
        .map(
            text ->
                text.toLowerCase(Locale.ROOT).equals("all-linear")
                    ? TargetModules.allLinear()
                    : TargetModules.matching(text));
  }

  /** PEFT takes an empty list of exclusions for none. */
  private boolean isGiven(TargetModules excluded) {
    return !(excluded instanceof TargetModules.Names names && names.names().isEmpty());
  }

  /** PEFT takes an empty name for none. */
  private List<String> layersPattern() {
    return fields.texts("layers_pattern").stream().filter(name -> !name.isEmpty()).toList();
  }

  private <E extends Enum<E>> Optional<E> choice(String key, E[] choices) {
    Optional<String> text = fields.text(key);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    for (E choice : choices) {
      if (choice.name().equalsIgnoreCase(text.get())) {
        return Optional.of(choice);
      }
    }
    fields.problem("%s is '%.80s', wanted one of %s", key, text.get(), List.of(choices));
    return Optional.empty();
  }

  private Optional<LoraInit> init() {
    Optional<JsonElement> value = fields.find("init_lora_weights");
    if (value.isEmpty()) {
      return Optional.empty();
    }
    return switch (value.get().toString().toLowerCase(Locale.ROOT)) {
      case "true" -> Optional.of(LoraInit.KAIMING);
      case "false" -> Optional.of(LoraInit.RANDOM);
      case "\"gaussian\"" -> Optional.of(LoraInit.GAUSSIAN);
      case "\"pissa\"" -> Optional.of(LoraInit.PISSA);
      case "\"olora\"" -> Optional.of(LoraInit.OLORA);
      default -> {
        if (PISSA_NITER.matcher(value.get().toString()).matches()) {
          yield Optional.of(LoraInit.PISSA);
        }
        fields.problem(
            "init_lora_weights is %s, which is not supported; only true, false, gaussian, pissa and olora"
                + " are",
            JsonFields.cut(value.get()));
        yield Optional.<LoraInit>empty();
      }
    };
  }

  private Map<String, String> others() {
    Map<String, String> others = new LinkedHashMap<>();
    for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
      boolean roundedStart =
          entry.getKey().equals("init_lora_weights")
              && PISSA_NITER.matcher(entry.getValue().toString()).matches();
      if (roundedStart || !LoraConfigKeys.KNOWN.contains(entry.getKey())) {
        others.put(entry.getKey(), entry.getValue().toString());
      }
    }
    return others;
  }
}
