package io.github.lora4j.djl.internal;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;

/** Starts DJL's PyTorch engine the way this library wants it. */
public final class Engines {

  /** DJL reports its use over the network unless this is set; a library must not do so unasked. */
  private static final String NO_TELEMETRY = "OPT_OUT_TRACKING";

  private Engines() {}

  /**
   * A manager that no other manager owns: whoever asks for it closes it.
   *
   * @param device where its arrays live
   * @return a new base manager
   */
  public static NDManager newManager(Device device) {
    return engine().newBaseManager(device);
  }

  /**
   * GPUs that the loaded native sees.
   *
   * @return 0 with a CPU native
   */
  public static int gpuCount() {
    return engine().getGpuCount();
  }

  /**
   * Keeps DJL from reporting its use, unless the user has decided by property or environment. To be
   * called before anything of DJL that reports: the engine and the tokenizers.
   */
  public static void sendNoTelemetry() {
    if (System.getProperty(NO_TELEMETRY) == null && System.getenv(NO_TELEMETRY) == null) {
      System.setProperty(NO_TELEMETRY, "true");
    }
  }

  private static Engine engine() {
    sendNoTelemetry();
    return Engine.getEngine("PyTorch");
  }
}
