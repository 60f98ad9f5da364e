package io.github.lora4j;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes PEFT's {@code adapter_config.json}: all keys of 0.21, and those of other versions. */
final class LoraConfigWriter {

  private LoraConfigWriter() {}

  static String write(LoraConfig config) {
    JsonObject out = new JsonObject();
    LoraConfigKeys.UNSUPPORTED.forEach((key, value) -> out.add(key, JsonParser.parseString(value)));
    out.add("auto_mapping", JsonNull.INSTANCE);
    out.addProperty("megatron_core", "megatron.core");
    out.addProperty("qalora_group_size", 16);
    config.otherSettings().forEach((key, value) -> out.add(key, JsonParser.parseString(value)));
    out.add("alpha_pattern", object(config.alphaPattern()));
    out.add("base_model_name_or_path", text(config.baseModel()));
    out.addProperty("bias", config.bias().json());
    out.add("exclude_modules", targets(config.excludeModules()));
    out.addProperty("fan_in_fan_out", config.fanInFanOut());
    out.addProperty("inference_mode", true);
    out.add("init_lora_weights", init(config));
    out.add("layers_pattern", names(config.layersPattern()));
    out.add("layers_to_transform", layers(config.layersToTransform()));
    out.add("lora_alpha", number(config.alpha()));
    out.add("lora_dropout", PythonJson.decimal(config.dropout()));
    out.add("modules_to_save", names(config.modulesToSave()));
    out.addProperty("peft_type", "LORA");
    out.addProperty("peft_version", LoraConfigKeys.PEFT_VERSION);
    out.addProperty("r", config.rank());
    out.add("rank_pattern", object(config.rankPattern()));
    out.add("revision", text(config.revision()));
    out.add("target_modules", targets(Optional.of(config.targetModules())));
    out.add("task_type", text(config.taskType().map(TaskType::name)));
    out.addProperty("use_dora", config.dora());
    out.addProperty("use_rslora", config.rsLora());
    return PythonJson.write(out);
  }

  private static JsonElement init(LoraConfig config) {
    String asRead = config.otherSettings().get("init_lora_weights"); // pissa_niter_N
    if (asRead != null && config.init() == LoraInit.PISSA) {
      return JsonParser.parseString(asRead);
    }
    return switch (config.init()) {
      case KAIMING -> new JsonPrimitive(true);
      case GAUSSIAN -> new JsonPrimitive("gaussian");
      case RANDOM -> new JsonPrimitive(false);
      case PISSA -> new JsonPrimitive("pissa");
      case OLORA -> new JsonPrimitive("olora");
    };
  }

  private static JsonElement text(Optional<String> text) {
    return text.<JsonElement>map(JsonPrimitive::new).orElse(JsonNull.INSTANCE);
  }

  private static JsonElement names(List<String> names) {
    JsonArray array = new JsonArray();
    names.forEach(array::add);
    return array.isEmpty() ? JsonNull.INSTANCE : array;
  }

  private static JsonElement layers(List<Integer> layers) {
    JsonArray array = new JsonArray();
    layers.forEach(array::add);
    return array.isEmpty() ? JsonNull.INSTANCE : array;
  }

  private static JsonElement object(Map<String, ? extends Number> map) {
    JsonObject object = new JsonObject();
    map.forEach((key, value) -> object.add(key, number(value.doubleValue())));
    return object;
  }

  /** Whole numbers without a fraction, as Python writes an int. */
  private static JsonElement number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? new JsonPrimitive((long) value)
        : PythonJson.decimal(value);
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
      return targets(Optional.of(defaults.resolved()));
    }
    return JsonNull.INSTANCE;
  }
}
