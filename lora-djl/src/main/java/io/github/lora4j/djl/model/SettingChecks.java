package io.github.lora4j.djl.model;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.layer.Activation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.IntPredicate;

/** What configurations of models have in common: checks of numbers, and settings by name. */
public final class SettingChecks {

  /** Their names alone would fill the heap. */
  private static final int MOST_LAYERS = 10_000;

  private static final Map<String, ActivationSetting> ACTIVATIONS =
      new TreeMap<>(
          Map.of(
              "silu", new ActivationSetting(Activation.SILU, "SiLUActivation"),
              "swish", new ActivationSetting(Activation.SILU, "SiLU"),
              "gelu", new ActivationSetting(Activation.GELU, "GELUActivation"),
              "gelu_new", new ActivationSetting(Activation.GELU_TANH, "NewGELUActivation"),
              "gelu_fast", new ActivationSetting(Activation.GELU_TANH, "FastGELUActivation"),
              "gelu_pytorch_tanh", new ActivationSetting(Activation.GELU_TANH, "GELUTanh"),
              "relu", new ActivationSetting(Activation.RELU, "ReLU")));

  private static final String SLIDING = "sliding_attention";
  private static final String FULL = "full_attention";

  private final List<String> problems = new ArrayList<>();

  /**
   * A whole number that must be there and positive.
   *
   * @param name its key
   * @param value what was found, 0 if nothing
   * @return this
   */
  public SettingChecks positive(String name, int value) {
    if (value == 0) {
      problems.add(name + " is missing or 0");
    } else if (value < 0) {
      problems.add("%s must be positive, got %d".formatted(name, value));
    }
    return this;
  }

  /**
   * A number that must be positive.
   *
   * @param name its key
   * @param value what was found
   * @return this
   */
  public SettingChecks positive(String name, double value) {
    if (!(value > 0)) {
      problems.add("%s must be positive, got %s".formatted(name, value));
    }
    return this;
  }

  /**
   * A number of layers.
   *
   * @param name its key
   * @param layers what was found
   * @return this
   */
  public SettingChecks layers(String name, int layers) {
    return positive(name, layers);
  }

  /**
   * Refuses a number of layers that no model has.
   *
   * @param name its key
   * @param layers what was found
   * @throws IllegalArgumentException if there are too many
   */
  public static void limit(String name, int layers) {
    if (layers < 0 || layers > MOST_LAYERS) {
      throw new IllegalArgumentException(
          "%s must be between 1 and %d, got %d".formatted(name, MOST_LAYERS, layers));
    }
  }

  /**
   * A number that must divide by another.
   *
   * @param name key of the divisor
   * @param divisor its value
   * @param ofName key of the dividend
   * @param of its value
   * @return this
   */
  public SettingChecks divides(String name, int divisor, String ofName, int of) {
    if (divisor > 0 && of > 0 && of % divisor != 0) {
      problems.add("%s %d must divide by %s %d".formatted(ofName, of, name, divisor));
    }
    return this;
  }

  /**
   * Says what was found.
   *
   * @throws IllegalArgumentException listing all problems
   */
  public void throwIfAny() {
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", problems));
    }
  }

  /**
   * Refuses a switch that changes what is computed and is not built.
   *
   * @param json a configuration
   * @param key of the setting
   * @param wanted its value here, also where it is missing
   * @throws LoraException if it is the other one
   */
  public static void only(Json json, String key, boolean wanted) {
    boolean found = json.flag(key).orElse(wanted);
    if (found != wanted) {
      throw new LoraException(
          "%s: %s is %s; only %s is supported".formatted(json, key, found, wanted));
    }
  }

  /**
   * Refuses a width of heads that the model does not follow from its width.
   *
   * @param json a configuration
   * @param hidden width of a token
   * @param heads query heads
   * @throws LoraException if {@code head_dim} is another one
   */
  public static void derivedHeadWidth(Json json, int hidden, int heads) {
    int width = json.whole("head_dim").orElse(heads == 0 ? 0 : hidden / heads);
    if (heads != 0 && width != hidden / heads) {
      throw new LoraException(
          "%s: head_dim is %d; only hidden_size / num_attention_heads = %d is supported"
              .formatted(json, width, hidden / heads));
    }
  }

  /**
   * An activation by the name that transformers gives it.
   *
   * @param json a configuration
   * @param key of the setting
   * @param fallback its value where it is missing
   * @return the activation
   * @throws LoraException if it is not known
   */
  public static ActivationSetting activation(Json json, String key, String fallback) {
    String name = json.text(key).orElse(fallback);
    ActivationSetting activation = ACTIVATIONS.get(name);
    if (activation == null) {
      throw new LoraException(
          "%s: %s '%s' is not supported; supported: %s"
              .formatted(json, key, name, ACTIVATIONS.keySet()));
    }
    return activation;
  }

  /**
   * Which layers see no further than a window: those that {@code layer_types} lists, or else those
   * of a rule.
   *
   * @param json a configuration
   * @param layers how many there are
   * @param window tokens that one sees; 0 for no window anywhere
   * @param rule whether a layer has the window where the file lists no types
   * @return for each layer its window, 0 for none
   * @throws LoraException if a type is not known, or too few are listed
   */
  public static List<Integer> windows(Json json, int layers, int window, IntPredicate rule) {
    List<String> types = json.texts("layer_types");
    if (!types.isEmpty() && types.size() != layers) {
      throw new LoraException(
          "%s: layer_types lists %d layers, there are %d".formatted(json, types.size(), layers));
    }
    List<Integer> windows = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      boolean slides = types.isEmpty() ? rule.test(layer) : slides(json, types.get(layer));
      windows.add(slides ? window : 0);
    }
    return windows;
  }

  /**
   * The row of an embedding that stands for padding, which its module prints.
   *
   * @param id what the file says, empty for none
   * @param vocabulary rows; a negative id counts from the last
   * @return the row, negative for none
   */
  public static int padding(OptionalInt id, int vocabulary) {
    int row = id.orElse(-1);
    return id.isPresent() && row < 0 ? vocabulary + row : row;
  }

  private static boolean slides(Json json, String type) {
    if (!type.equals(SLIDING) && !type.equals(FULL)) {
      throw new LoraException(
          "%s: layer type '%s' is not supported; supported: %s, %s"
              .formatted(json, type, FULL, SLIDING));
    }
    return type.equals(SLIDING);
  }
}
