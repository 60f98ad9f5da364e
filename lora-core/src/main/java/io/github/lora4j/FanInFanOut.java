package io.github.lora4j;

import io.github.lora4j.spi.TargetModule;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * PEFT's note that a base stores its matrices as (in, out). It changes nothing here, for an engine
 * knows its own; a note that is not true of the base is put right, as PEFT does it.
 */
final class FanInFanOut {

  private static final Logger log = LoggerFactory.getLogger(FanInFanOut.class);

  /** GPT-2's linear map, the one kind that is stored so. */
  private static final String TRANSPOSED = "Conv1D";

  private FanInFanOut() {}

  /** What the note must say for the adapted modules. */
  static boolean of(LoraConfig config, List<TargetModule> adapted) {
    boolean transposed = adapted.stream().anyMatch(module -> module.type().equals(TRANSPOSED));
    if (config.fanInFanOut() && !transposed) {
      log.warn("fan_in_fan_out is set to True but the target module is a Linear; set to False");
    } else if (!config.fanInFanOut() && transposed) {
      log.warn("fan_in_fan_out is set to False but the target module is `Conv1D`; set to True");
    }
    return transposed;
  }
}
