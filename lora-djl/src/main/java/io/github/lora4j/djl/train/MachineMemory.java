package io.github.lora4j.djl.train;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/** How far this process may grow on the machine it runs on. */
final class MachineMemory {

  private static final Path MEMINFO = Path.of("/proc/meminfo");

  /** What is left to others of the memory that is free. */
  private static final double SHARE = 0.9;

  private MachineMemory() {}

  /**
   * Most that the process can hold.
   *
   * @param device where weights live and layers run
   * @param held what base, adapter and runtime hold there by prediction, bytes
   * @return bytes resident, or on a GPU bytes of its memory; empty if the system does not tell
   */
  static OptionalLong budget(Device device, long held) {
    if (device.isGpu()) {
      if (!CudaUtils.hasCuda()) {
        return OptionalLong
            .empty(); // libtorch has a runtime of its own; this one looks for another
      }
      MemoryUsage usage = CudaUtils.getGpuMemory(device);
      return OptionalLong.of(held + (long) (SHARE * (usage.getMax() - usage.getCommitted())));
    }
    if (!Files.isReadable(ProcessMemory.STATUS) || !Files.isReadable(MEMINFO)) {
      return OptionalLong.empty();
    }
    try {
      return budget(Files.readAllLines(ProcessMemory.STATUS), Files.readAllLines(MEMINFO), limit());
    } catch (IOException e) {
      return OptionalLong.empty(); // as where there is no such file
    }
  }

  /**
   * Mapped weights are in the page cache and count as available, so they are not among what the
   * process holds already.
   */
  static OptionalLong budget(List<String> status, List<String> meminfo, long limit) {
    OptionalLong own = ProcessMemory.bytes(status, "RssAnon:");
    OptionalLong available = ProcessMemory.bytes(meminfo, "MemAvailable:");
    if (own.isEmpty() || available.isEmpty()) {
      return OptionalLong.empty();
    }
    long free = (long) (SHARE * available.getAsLong());
    return OptionalLong.of(Math.min((long) (SHARE * limit), own.getAsLong() + free));
  }

  /** The memory of the container, or of the machine. */
  private static long limit() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
