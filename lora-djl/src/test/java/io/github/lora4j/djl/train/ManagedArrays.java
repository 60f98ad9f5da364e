package io.github.lora4j.djl.train;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import java.lang.reflect.Field;
import java.util.Map;

/** Counts what DJL's managers hold; the map of a manager's resources is not public. */
public final class ManagedArrays {

  private ManagedArrays() {}

  /** Arrays, managers and the modules of kernels below a manager, at any depth. */
  public static int below(NDManager manager) {
    int count = 0;
    for (Object resource : resources(manager).values()) {
      count++;
      if (resource instanceof NDManager nested) {
        count += below(nested);
      } else if (!(resource instanceof NDArray) && !(resource instanceof Block)) {
        throw new IllegalStateException("a manager holds " + resource.getClass());
      }
    }
    return count;
  }

  /** Arrays and managers that a manager holds itself. */
  public static int children(NDManager manager) {
    return resources(manager).size();
  }

  private static Map<?, ?> resources(NDManager manager) {
    try {
      Field field = BaseNDManager.class.getDeclaredField("resources");
      field.setAccessible(true);
      return (Map<?, ?>) field.get(manager);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("DJL keeps its resources elsewhere now", e);
    }
  }
}
