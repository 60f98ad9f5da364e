package io.github.lora4j.djl.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import io.github.lora4j.LoraException;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * An adapter's parameters in native memory, and which parameters of the base they stand beside or
 * in the place of. The memory is below that of the base, so that closing a DJL model gives back
 * both.
 *
 * <p>{@link #close} waits for nobody: a forward that began before still finishes, and the memory
 * goes back when the last such one ends.
 */
final class BlockAdapter implements AutoCloseable {

  /** Types of a weight that an fp32 update can be added to; others reach no call of DJL safely. */
  private static final Set<DataType> TYPES =
      EnumSet.of(DataType.FLOAT16, DataType.FLOAT32, DataType.FLOAT64);

  private final NDManager manager;
  private final boolean trainable;
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, LowRankPair> pairs = new HashMap<>();
  private final Map<String, Parameter> replaced = new ConcurrentHashMap<>();
  private int users;
  private boolean closing;

  BlockAdapter(BlockTree base, AdapterLayout layout, boolean trainable) {
    checkTypes(base, layout);
    NDArray first = base.all().values().iterator().next().getArray();
    this.manager = first.getManager().newSubManager(first.getDevice());
    this.trainable = trainable;
    layout.values().forEach((name, tensor) -> parameters.put(name, parameter(name, tensor)));
    for (AdapterLayout.Pair pair : layout.pairs()) {
      pairs.put(
          base.parameter(weightOf(pair)).getId(),
          new LowRankPair(
              own(pair.nameOfA()),
              own(pair.nameOfB()),
              pair.scaling(),
              parameters.get(pair.nameOfMagnitude())));
    }
    for (String name : layout.values().keySet()) {
      if (base.all().containsKey(name)) { // a bias that the adapter brings its own copy of
        replaced.put(base.parameter(name).getId(), own(name));
      }
    }
  }

  private static void checkTypes(BlockTree base, AdapterLayout layout) {
    List<String> wrong = new ArrayList<>();
    for (AdapterLayout.Pair pair : layout.pairs()) {
      DataType type = base.parameter(weightOf(pair)).getArray().getDataType();
      if (!TYPES.contains(type)) {
        wrong.add("%s is %s".formatted(weightOf(pair), type));
      }
    }
    if (!wrong.isEmpty()) {
      throw new LoraException(
          "weights to be adapted must be of type %s: %s"
              .formatted(TYPES, String.join(", ", wrong)));
    }
  }

  private static String weightOf(AdapterLayout.Pair pair) {
    return pair.path() + ".weight";
  }

  /** Of type OTHER, for which no initialiser of a training configuration is meant. */
  private Parameter parameter(String name, TensorData tensor) {
    Parameter parameter =
        Parameter.builder()
            .setName(name)
            .setType(Parameter.Type.OTHER)
            .optRequiresGrad(trainable)
            .build();
    parameter.setArray(Arrays32.write(manager, tensor));
    parameter.freeze(!trainable);
    return parameter;
  }

  private Parameter own(String name) {
    Parameter parameter = parameters.get(name);
    if (parameter == null) {
      throw new IllegalArgumentException("the layout has a pair but no values for " + name);
    }
    return parameter;
  }

  boolean trainable() {
    return trainable;
  }

  NDManager manager() {
    return manager;
  }

  /** A, B and copies of biases by their names in memory. */
  Map<String, Parameter> parameters() {
    return Collections.unmodifiableMap(parameters);
  }

  /** What stands beside a weight of the base, if anything. */
  @Nullable LowRankPair pairOf(Parameter weight) {
    return pairs.get(weight.getId());
  }

  /** What the view computes with where the base has the given parameter. */
  Parameter inPlaceOf(Parameter parameter) {
    return replaced.getOrDefault(parameter.getId(), parameter);
  }

  /** Whether the adapter trains its own copy of a parameter of the base. */
  boolean brings(Parameter parameter) {
    return parameters.containsValue(inPlaceOf(parameter));
  }

  /** From now on the view computes with this array, which it owns, where the base has its own. */
  void replace(Parameter parameter, NDArray array) {
    array.attach(manager);
    Parameter copy =
        Parameter.builder()
            .setName(parameter.getName())
            .setType(parameter.getType())
            .optRequiresGrad(false)
            .build();
    copy.setArray(array);
    replaced.put(parameter.getId(), copy);
  }

  /** Copies A, B and biases to the heap. */
  Map<String, TensorData> read() {
    acquire();
    try {
      Map<String, TensorData> tensors = new LinkedHashMap<>();
      parameters.forEach(
          (name, parameter) -> tensors.put(name, Arrays32.read(parameter.getArray())));
      return tensors;
    } finally {
      release();
    }
  }

  /** Bytes of what {@link #close} gives back. */
  synchronized long nativeBytes() {
    if (!manager.isOpen()) {
      return 0;
    }
    long adapter = parameters.values().stream().mapToLong(p -> bytes(p.getArray())).sum();
    long copies =
        replaced.values().stream()
            .filter(p -> !parameters.containsValue(p))
            .mapToLong(p -> bytes(p.getArray()))
            .sum();
    return copies + (trainable ? 2 : 1) * adapter; // a value and its gradient
  }

  private static long bytes(NDArray array) {
    return array.size() * array.getDataType().getNumOfBytes();
  }

  /** Begins a use of the memory, e.g. a forward. */
  synchronized void acquire() {
    if (closing || !manager.isOpen()) {
      throw new IllegalStateException("the adapter is closed; load it again");
    }
    users++;
  }

  /** Ends a use; the last one after closing gives the memory back. */
  synchronized void release() {
    users--;
    if (closing && users == 0) {
      manager.close();
    }
  }

  @Override
  public synchronized void close() {
    closing = true;
    if (users == 0) {
      manager.close();
    }
  }
}
