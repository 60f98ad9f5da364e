package io.github.lora4j.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;

/**
 * What the machine itself can do, through the libtorch that the layers run on: the rate of bare
 * matrix products at the shapes of bloom-560m with 2,048 tokens, and of reading memory.
 */
public final class MachineRates {

  private static final int TOKENS = 2048;

  /** in and out of the three large maps of a block. */
  private static final List<long[]> MAPS =
      List.of(new long[] {1024, 3072}, new long[] {1024, 4096}, new long[] {4096, 1024});

  private static final long READ_BYTES = 1L << 30;

  private final NDManager manager;
  private final Kernels kernels;
  private final double share;
  private final int repetitions;

  private MachineRates(NDManager manager, Kernels kernels, double share, int repetitions) {
    this.manager = manager;
    this.kernels = kernels;
    this.share = share;
    this.repetitions = repetitions;
  }

  /**
   * Prints GFLOP/s for each type and matrix library, and GB/s of reading: the best of all shapes
   * and repetitions.
   *
   * @param args the share of the sizes to use, 1 if not given, and repetitions, 7 if not given
   * @throws IOException if the kernels cannot be read
   */
  public static void main(String[] args) throws IOException {
    double share = args.length > 0 ? Double.parseDouble(args[0]) : 1;
    int repetitions = args.length > 1 ? Integer.parseInt(args[1]) : 7;
    try (NDManager manager = Engines.newManager(Device.cpu())) {
      MachineRates rates = new MachineRates(manager, BareKernels.load(), share, repetitions);
      Outcome outcome = new Outcome();
      for (ScalarType type : List.of(ScalarType.FP32, ScalarType.BF16)) {
        TreeMap<String, Double> byLibrary = new TreeMap<>();
        byLibrary.put("torch.mm", rates.product(type, "product"));
        byLibrary.put("oneDNN", rates.product(type, "product_onednn"));
        byLibrary.forEach(
            (library, rate) -> System.out.printf("%s %s: %.0f GFLOP/s%n", type, library, rate));
        outcome.with(type.name().toLowerCase(Locale.ROOT), byLibrary);
      }
      double read = rates.read();
      System.out.printf("reading memory: %.1f GB/s%n", read);
      outcome.with("readGBs", read).print();
    }
  }

  private double product(ScalarType type, String kernel) {
    double best = 0;
    for (long[] map : MAPS) {
      long rows = scaled(TOKENS);
      long in = scaled(map[0]);
      long out = scaled(map[1]);
      try (NDManager scope = manager.newSubManager()) {
        Object x = kernels.one(scope, "random", new long[] {rows, in}, type.code());
        Object w = kernels.one(scope, "random", new long[] {out, in}, type.code());
        best = Math.max(best, 2.0 * rows * in * out / fastest(kernel, x, w) / 1e9);
      }
    }
    return best;
  }

  private double read() {
    try (NDManager scope = manager.newSubManager()) {
      long elements = (long) (READ_BYTES / Float.BYTES * share);
      Object x = kernels.one(scope, "random", new long[] {elements}, ScalarType.FP32.code());
      double seconds = Math.min(fastest("read_sum", x), fastest("read_dot", x));
      return elements * Float.BYTES / seconds / 1e9;
    }
  }

  private long scaled(long size) {
    return Math.max(1, (long) (size * share));
  }

  private double fastest(String kernel, Object... arguments) {
    double best = Double.POSITIVE_INFINITY;
    for (int repetition = 0; repetition <= repetitions; repetition++) {
      long start = System.nanoTime();
      kernels.run(kernel, arguments);
      best = Math.min(best, (System.nanoTime() - start) / 1e9);
    }
    return best;
  }
}
