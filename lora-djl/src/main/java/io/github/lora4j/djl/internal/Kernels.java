package io.github.lora4j.djl.internal;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Calls the fused native kernels whose sources are the text resources under {@code kernels/}.
 *
 * <p>A call takes arrays, numbers, booleans, strings and lists of them, runs without recording
 * gradients and returns arrays attached to the manager given. One loaded module serves any number
 * of threads. Arrays may be of a type that DJL does not know (bf16 shows as {@code UNKNOWN}); such
 * arrays must only ever be given to kernels: most of DJL's own calls abort the process on them.
 */
public final class Kernels {

  private static final ThreadLocal<Boolean> THREAD_READY = ThreadLocal.withInitial(() -> false);

  private final PtSymbolBlock module;

  private Kernels(PtSymbolBlock module) {
    this.module = module;
  }

  private static final class Holder {
    static final Kernels INSTANCE = load();

    /** libtorch refuses all of the sources if it does not know one of their operators. */
    private static Kernels load() {
      List<EngineException> failures = new ArrayList<>();
      for (boolean oneDnn : new boolean[] {true, false}) {
        for (boolean cudaAttention : new boolean[] {true, false}) {
          try {
            return compile(KernelArchive.sources(oneDnn, cudaAttention));
          } catch (EngineException e) {
            failures.add(e);
          } catch (IOException e) {
            throw new IllegalStateException("the kernel sources could not be read from the jar", e);
          }
        }
      }
      EngineException all = failures.get(0); // with the most operators named
      failures.stream().skip(1).forEach(all::addSuppressed);
      throw all;
    }
  }

  /**
   * Kernels of another source, e.g. bare products that a benchmark sets beside those of the layers.
   *
   * @param source methods of a module {@code __torch__.K} in serialised TorchScript
   * @return the kernels, in memory as long as the process lives
   * @throws IOException if the source cannot be packed
   */
  public static Kernels compile(String source) throws IOException {
    PtNDManager manager = (PtNDManager) Engines.newManager(Device.cpu());
    try (InputStream archive = KernelArchive.open(source)) {
      return new Kernels(JniUtils.loadModule(manager, archive, false, false));
    }
  }

  /**
   * The kernels of this process, loaded at the first call.
   *
   * @return the one instance
   */
  public static Kernels get() {
    return Holder.INSTANCE;
  }

  /**
   * How kernels name a device.
   *
   * @param device a device of DJL
   * @return e.g. {@code cpu} or {@code cuda:0}
   */
  public static String deviceName(Device device) {
    return device.isGpu() ? "cuda:" + device.getDeviceId() : "cpu";
  }

  /**
   * Calls a kernel that returns one array.
   *
   * @param manager owner of the result
   * @param name name of the kernel
   * @param arguments arrays, arrays of arrays, {@code long}, {@code int}, {@code double}, {@code
   *     boolean}, {@code int[]}, {@code long[]} or strings
   * @return the result
   */
  public NDArray one(NDManager manager, String name, Object... arguments) {
    return call(manager, name, arguments).get(0);
  }

  /**
   * Calls a kernel that returns several arrays.
   *
   * @param manager owner of the results
   * @param name name of the kernel
   * @param arguments as in {@link #one}
   * @return the results in the kernel's order
   */
  public NDArray[] many(NDManager manager, String name, Object... arguments) {
    return call(manager, name, arguments).toArray(new NDArray[0]);
  }

  /**
   * Calls a kernel for what it does to its arguments.
   *
   * @param name name of the kernel
   * @param arguments as in {@link #one}
   */
  public void run(String name, Object... arguments) {
    invoke(name, arguments).close();
  }

  /**
   * Asks a kernel a question.
   *
   * @param name name of the kernel
   * @param arguments as in {@link #one}
   * @return its answer
   */
  public boolean test(String name, Object... arguments) {
    try (IValue result = invoke(name, arguments)) {
      return result.toBoolean();
    }
  }

  private NDList call(NDManager manager, String name, Object... arguments) {
    try (IValue result = invoke(name, arguments)) {
      return result.toNDList((PtNDManager) manager);
    }
  }

  private IValue invoke(String name, Object... arguments) {
    if (!THREAD_READY.get()) {
      THREAD_READY.set(true);
      // The profiling executor recompiles on every new shape; the switch is one per thread.
      JniUtils.setGraphExecutorOptimize(false);
      // libtorch starts its threads for each of ours at the first large operation
      Subnormals.flushed(() -> get().test("large_operation"));
    }
    IValue[] values = new IValue[arguments.length];
    try {
      for (int i = 0; i < arguments.length; i++) {
        values[i] = value(arguments[i]);
      }
      return IValueUtils.runMethod(module, name, values);
    } finally {
      Arrays.stream(values).filter(v -> v != null).forEach(IValue::close);
    }
  }

  private static IValue value(Object argument) {
    if (argument instanceof NDArray array) {
      return IValue.from((PtNDArray) array);
    } else if (argument instanceof NDArray[] arrays) {
      return IValue.listFrom(Arrays.copyOf(arrays, arrays.length, PtNDArray[].class));
    } else if (argument instanceof Integer || argument instanceof Long) {
      return IValue.from(((Number) argument).longValue());
    } else if (argument instanceof Double number) {
      return IValue.from(number.doubleValue());
    } else if (argument instanceof Boolean flag) {
      return IValue.from(flag.booleanValue());
    } else if (argument instanceof String text) {
      return IValue.from(text);
    } else if (argument instanceof int[] numbers) {
      return IValue.listFrom(Arrays.stream(numbers).asLongStream().toArray());
    } else if (argument instanceof long[] numbers) {
      return IValue.listFrom(numbers);
    }
    throw new IllegalArgumentException(
        "a kernel takes arrays, numbers, booleans, strings and lists, got " + argument.getClass());
  }
}
