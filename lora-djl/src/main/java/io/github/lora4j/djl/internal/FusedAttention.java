package io.github.lora4j.djl.internal;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether libtorch's attention kernels that build no matrix of scores serve a device. On the CPU
 * they do. On a GPU that depends on its generation and on the build of libtorch, so they are
 * compared once with the plain path, forward and backward, and used only if they agree.
 */
public final class FusedAttention {

  private static final Logger log = LoggerFactory.getLogger(FusedAttention.class);

  private static final Map<String, Boolean> FOUND = new ConcurrentHashMap<>();

  private FusedAttention() {}

  /**
   * Asks for a device and a type; compared at the first question for both.
   *
   * @param device where the layers compute
   * @param type what they compute in
   * @return false if attention is to take the plain path
   */
  public static boolean serves(Device device, ScalarType type) {
    return !device.isGpu()
        || FOUND.computeIfAbsent(
            Kernels.deviceName(device) + " in " + type,
            key -> agrees(Kernels.deviceName(device), type));
  }

  private static boolean agrees(String device, ScalarType type) {
    if (!Kernels.get().test("cuda_attention_present")) {
      log.warn("this libtorch has other attention kernels; long sequences will take more memory");
      return false;
    }
    try {
      boolean agrees = Kernels.get().test("cuda_attention_agrees", device, (long) type.code());
      if (!agrees) {
        log.warn("fused attention on {} in {} is not exact; the plain one is used", device, type);
      }
      return agrees;
    } catch (EngineException e) {
      log.warn("fused attention does not run on {} in {}; the plain one is used", device, type, e);
      return false;
    }
  }
}
