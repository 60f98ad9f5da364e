package io.github.lora4j;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** PEFT's {@code adapter_config.json}. */
final class LoraConfigJson {

  static final String FILE_NAME = "adapter_config.json";

  private static final String PEFT_VERSION = "0.21.0";

  /** Settings that change what an adapter computes; anything but the default is refused by name. */
  private static final Map<String, String> UNSUPPORTED = new TreeMap<>();

  /** Keys with a meaning here; everything else travels along as it is. */
  private static final Set<String> KNOWN =
      Set.of(
          "alpha_pattern",
          "base_model_name_or_path",
          "bias",
          "exclude_modules",
          "fan_in_fan_out",
          "inference_mode",
          "init_lora_weights",
          "layers_pattern",
          "layers_to_transform",
          "lora_alpha",
          "lora_dropout",
          "peft_type",
          "peft_version",
          "r",
          "rank_pattern",
          "revision",
          "runtime_config",
          "target_modules",
          "task_type",
          "use_rslora");

  static {
    for (String key :
        ("alora_invocation_tokens arrow_config corda_config eva_config kasa_config layer_replication"
                + " lora_ga_config megatron_config modules_to_save monteclora_config"
                + " target_parameters trainable_token_indices use_bdlora velora_config")
            .split(" ", -1)) {
      UNSUPPORTED.put(key, "null");
    }
    UNSUPPORTED.put("loftq_config", "{}");
    for (String key : List.of("ensure_weight_tying", "lora_bias", "use_dora", "use_qalora")) {
      UNSUPPORTED.put(key, "false");
    }
  }

  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  private final JsonObject json;
  private final String source;
  private final List<String> problems = new ArrayList<>();

  private LoraConfigJson(JsonObject json, String source) {
    this.json = json;
    this.source = source;
  }

  static LoraConfig read(Path fileOrDirectory) throws IOException {
    Path file =
        Files.isDirectory(fileOrDirectory) ? fileOrDirectory.resolve(FILE_NAME) : fileOrDirectory;
    if (!Files.exists(file)) {
      throw new NoSuchFileException(
          file.toString(), null, "missing; an adapter needs " + FILE_NAME);
    }
    try {
      JsonElement json = JsonParser.parseString(Files.readString(file));
      if (!json.isJsonObject()) {
        throw new LoraException(file + ": wanted a JSON object");
      }
      return new LoraConfigJson(json.getAsJsonObject(), file.toString()).parse();
    } catch (JsonParseException e) {
      throw new LoraException(file + " is not JSON: " + e.getMessage(), e);
    }
  }

  private LoraConfig parse() {
    checkType();
    UNSUPPORTED.forEach(this::refuseUnlessDefault);
    refuseUnlessDefault("enable_lora", "null"); // PEFT 0.2's merged linear
    LoraConfig.Builder builder = LoraConfig.builder();
    number("r").ifPresent(value -> builder.rank(whole("r", value)));
    number("lora_alpha").ifPresent(builder::alpha);
    number("lora_dropout").ifPresent(builder::dropout);
    targets("target_modules").ifPresent(builder::targetModules);
    targets("exclude_modules").ifPresent(builder::excludeModules);
    builder.layers(layers(), texts("layers_pattern"));
    Map<String, Integer> ranks = new LinkedHashMap<>();
    numbers("rank_pattern").forEach((key, value) -> ranks.put(key, whole("rank_pattern", value)));
    builder.rankPattern(ranks);
    builder.alphaPattern(numbers("alpha_pattern"));
    builder.rsLora(flag("use_rslora")).fanInFanOut(flag("fan_in_fan_out"));
    choice("bias", Bias.values()).ifPresent(builder::bias);
    choice("task_type", TaskType.values()).ifPresent(builder::taskType);
    init().ifPresent(builder::init);
    text("base_model_name_or_path").ifPresent(builder::baseModel);
    builder.revision(text("revision"));
    builder.otherJson(others());
    if (!problems.isEmpty()) {
      throw new LoraException(source + ": " + String.join("; ", problems));
    }
    try {
      return builder.build();
    } catch (IllegalArgumentException e) {
      throw new LoraException(source + ": " + e.getMessage(), e);
    }
  }

  private void checkType() {
    Optional<String> type = text("peft_type");
    if (type.isEmpty()) {
      throw new LoraException(
          source + ": has no peft_type; wanted PEFT's adapter_config.json with peft_type LORA");
    }
    if (!type.get().equals("LORA")) {
      throw new LoraException(
          "%s: peft_type '%s' is not supported; wanted LORA".formatted(source, type.get()));
    }
  }

  private void refuseUnlessDefault(String key, String defaultJson) {
    JsonElement value = json.get(key);
    if (value == null || value.isJsonNull() || value.toString().equals(defaultJson)) {
      return;
    }
    boolean empty =
        (value.isJsonArray() && value.getAsJsonArray().isEmpty())
            || (value.isJsonObject() && value.getAsJsonObject().isEmpty())
            || value.toString().equals("false");
    if (!empty) {
      String text = value.toString();
      problems.add(
          "%s is %s, which is not supported; only %s is"
              .formatted(
                  key, text.length() > 80 ? text.substring(0, 80) + "…" : text, defaultJson));
    }
  }

  private Optional<JsonElement> get(String key) {
    return Optional.ofNullable(json.get(key)).filter(value -> !value.isJsonNull());
  }

  private Optional<String> text(String key) {
    return get(key).filter(JsonElement::isJsonPrimitive).map(JsonElement::getAsString);
  }

  private Optional<Double> number(String key) {
    return get(key).flatMap(value -> asNumber(key, value));
  }

  private Optional<Double> asNumber(String key, JsonElement value) {
    try {
      return Optional.of(value.getAsDouble());
    } catch (NumberFormatException | IllegalStateException | UnsupportedOperationException e) {
      problems.add("%s must be a number, got %s".formatted(key, value));
      return Optional.empty();
    }
  }

  private int whole(String key, double value) {
    if (value != Math.rint(value)) {
      problems.add("%s must be a whole number, got %s".formatted(key, value));
    }
    return (int) value;
  }

  private boolean flag(String key) {
    return get(key).map(JsonElement::getAsBoolean).orElse(false);
  }

  private List<String> texts(String key) {
    Optional<JsonElement> value = get(key);
    List<String> texts = new ArrayList<>();
    if (value.isPresent() && value.get().isJsonArray()) {
      value.get().getAsJsonArray().forEach(item -> texts.add(item.getAsString()));
    } else {
      value.map(JsonElement::getAsString).ifPresent(texts::add);
    }
    return texts;
  }

  private List<Integer> layers() {
    List<Integer> layers = new ArrayList<>();
    for (String text : texts("layers_to_transform")) {
      asNumber("layers_to_transform", new JsonPrimitive(text))
          .ifPresent(value -> layers.add(whole("layers_to_transform", value)));
    }
    return layers;
  }

  private Optional<TargetModules> targets(String key) {
    Optional<JsonElement> value = get(key);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    if (value.get().isJsonArray()) {
      return Optional.of(new TargetModules.Names(texts(key)));
    }
    String text = value.get().getAsString();
    return Optional.of(
        text.toLowerCase(Locale.ROOT).equals("all-linear")
            ? TargetModules.allLinear()
            : TargetModules.matching(text));
  }

  private Map<String, Double> numbers(String key) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    get(key)
        .filter(JsonElement::isJsonObject)
        .ifPresent(
            object ->
                object
                    .getAsJsonObject()
                    .entrySet()
                    .forEach(
                        entry ->
                            asNumber(key, entry.getValue())
                                .ifPresent(value -> numbers.put(entry.getKey(), value))));
    return numbers;
  }

  private <E extends Enum<E>> Optional<E> choice(String key, E[] choices) {
    Optional<String> text = text(key);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    for (E choice : choices) {
      if (choice.name().equalsIgnoreCase(text.get())) {
        return Optional.of(choice);
      }
    }
    problems.add("%s is '%s', wanted one of %s".formatted(key, text.get(), List.of(choices)));
    return Optional.empty();
  }

  private Optional<LoraInit> init() {
    return get("init_lora_weights")
        .flatMap(
            value ->
                switch (value.getAsString().toLowerCase(Locale.ROOT)) {
                  case "true" -> Optional.of(LoraInit.KAIMING);
                  case "false" -> Optional.of(LoraInit.RANDOM);
                  case "gaussian" -> Optional.of(LoraInit.GAUSSIAN);
                  default -> {
                    problems.add(
                        "init_lora_weights is %s, which is not supported; only true, false and"
                                .formatted(value)
                            + " gaussian leave the base as it is");
                    yield Optional.<LoraInit>empty();
                  }
                });
  }

  private Map<String, String> others() {
    Map<String, String> others = new LinkedHashMap<>();
    for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
      if (!KNOWN.contains(entry.getKey())) {
        others.put(entry.getKey(), entry.getValue().toString());
      }
    }
    return others;
  }

  static String write(LoraConfig config) {
    TreeMap<String, JsonElement> out = new TreeMap<>();
    UNSUPPORTED.forEach((key, value) -> out.put(key, JsonParser.parseString(value)));
    out.put("auto_mapping", JsonNull.INSTANCE);
    out.put("megatron_core", new JsonPrimitive("megatron.core"));
    out.put("qalora_group_size", new JsonPrimitive(16));
    config.otherJson().forEach((key, value) -> out.put(key, JsonParser.parseString(value)));
    out.put("alpha_pattern", object(config.alphaPattern()));
    out.put("base_model_name_or_path", text(config.baseModel()));
    out.put("bias", new JsonPrimitive(config.bias().json()));
    out.put("exclude_modules", targets(config.excludeModules()));
    out.put("fan_in_fan_out", new JsonPrimitive(config.fanInFanOut()));
    out.put("inference_mode", new JsonPrimitive(true));
    out.put(
        "init_lora_weights",
        switch (config.init()) {
          case KAIMING -> new JsonPrimitive(true);
          case GAUSSIAN -> new JsonPrimitive("gaussian");
          case RANDOM -> new JsonPrimitive(false);
        });
    out.put("layers_pattern", list(config.layersPattern()));
    out.put("layers_to_transform", list(config.layersToTransform()));
    out.put("lora_alpha", plain(config.alpha()));
    out.put("lora_dropout", new JsonPrimitive(config.dropout()));
    out.put("peft_type", new JsonPrimitive("LORA"));
    out.put("peft_version", new JsonPrimitive(PEFT_VERSION));
    out.put("r", new JsonPrimitive(config.rank()));
    out.put("rank_pattern", object(config.rankPattern()));
    out.put("revision", text(config.revision()));
    out.put("target_modules", targets(Optional.of(config.targetModules())));
    out.put("task_type", text(config.taskType().map(TaskType::name)));
    out.put("use_rslora", new JsonPrimitive(config.rsLora()));
    JsonObject sorted = new JsonObject();
    out.forEach(sorted::add);
    return GSON.toJson(sorted) + "\n";
  }

  private static JsonElement text(Optional<String> text) {
    return text.<JsonElement>map(JsonPrimitive::new).orElse(JsonNull.INSTANCE);
  }

  private static JsonElement list(List<?> items) {
    return items.isEmpty() ? JsonNull.INSTANCE : GSON.toJsonTree(items);
  }

  private static JsonElement object(Map<String, ? extends Number> map) {
    JsonObject object = new JsonObject();
    new TreeMap<>(map).forEach((key, value) -> object.add(key, plain(value.doubleValue())));
    return object;
  }

  /** Whole numbers without a fraction, as Python writes an int. */
  private static JsonPrimitive plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? new JsonPrimitive((long) value)
        : new JsonPrimitive(value);
  }

  private static JsonElement targets(Optional<TargetModules> targets) {
    if (targets.isEmpty()) {
      return JsonNull.INSTANCE;
    }
    TargetModules given = targets.get();
    if (given instanceof TargetModules.Names names) {
      JsonArray array = new JsonArray();
      names.names().forEach(array::add);
      return array;
    } else if (given instanceof TargetModules.Matching matching) {
      return new JsonPrimitive(matching.regex());
    } else if (given instanceof TargetModules.AllLinear) {
      return new JsonPrimitive("all-linear");
    } else if (given instanceof TargetModules.DefaultsFor defaults) {
      return targets(Optional.of(DefaultTargets.of(defaults.modelType())));
    }
    return JsonNull.INSTANCE;
  }
}
