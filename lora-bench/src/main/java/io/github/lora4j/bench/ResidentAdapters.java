package io.github.lora4j.bench;

import ai.djl.Device;
import com.google.gson.JsonObject;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Resident memory while adapters come and go, and while a thousand of them stay. */
public final class ResidentAdapters {

  private static final int CYCLES = 10_000;

  /** The first half of them is warm-up. */
  private static final int READINGS = 20;

  private static final int RESIDENT = 1_000;

  /** The compiler's code and the allocator's bins may still move this much. */
  private static final double ALLOWED_MIB = 8;

  /** Resident bytes from those of the files, at most. */
  private static final double ALLOWED_SHARE = 0.1;

  private static final String FILE = "fileMiB";
  private static final String GROWTH = "growthMiB";
  private static final String EACH = "residentMiBEach";

  private static final int LOADS = 101;
  private static final double NANOS_IN_MILLI = 1e6;
  private static final double MIB = 1 << 20;

  private ResidentAdapters() {}

  /**
   * Prints the growth over 10,000 loads and closes, the bytes of an adapter when 1,000 are
   * resident, and the time of a load among few and among many; exits with 1 if memory grew or an
   * adapter takes over a tenth more or less than its file.
   *
   * @param args a model directory
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    JsonObject outcome = run(Path.of(args[0]), CYCLES, RESIDENT);
    System.out.println(outcome);
    double share = number(outcome, EACH) / number(outcome, FILE);
    if (number(outcome, GROWTH) > ALLOWED_MIB || Math.abs(share - 1) > ALLOWED_SHARE) {
      System.exit(1);
    }
  }

  static JsonObject run(Path model, int cycles, int resident) throws IOException {
    Path adapter = Files.createTempDirectory("lora4j-resident");
    LoadOptions options = LoadOptions.builder().device(Device.cpu()).build();
    JsonObject outcome = new JsonObject();
    try (CausalLm base = CausalLm.load(model, options)) {
      outcome.addProperty(FILE, save(base, adapter));
      outcome.addProperty(GROWTH, growth(base, adapter, cycles));
      outcome.addProperty("loadMillisAmongFew", millisOfLoad(base, adapter));
      double before = Outcome.status("VmRSS:");
      List<PeftModel<CausalLm>> views = new ArrayList<>();
      for (int i = 0; i < resident; i++) {
        views.add(PeftModel.fromPretrained(base, adapter));
      }
      outcome.addProperty(EACH, (Outcome.status("VmRSS:") - before) / resident);
      outcome.addProperty("loadMillisAmongMany", millisOfLoad(base, adapter));
      views.forEach(PeftModel::close);
    } finally {
      delete(adapter);
    }
    return outcome;
  }

  private static void delete(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  private static double number(JsonObject outcome, String name) {
    return outcome.get(name).getAsDouble();
  }

  private static double save(CausalLm base, Path adapter) throws IOException {
    LoraConfig config =
        LoraConfig.builder()
            .rank(16)
            .alpha(16)
            .init(LoraInit.RANDOM)
            .targetModules(TargetModules.allLinear())
            .build();
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
      peft.save(adapter);
    }
    return Files.size(adapter.resolve("adapter_model.safetensors")) / MIB;
  }

  private static double growth(CausalLm base, Path adapter, int cycles) throws IOException {
    double warm = 0;
    double highest = 0;
    for (int i = 1; i <= cycles; i++) {
      PeftModel.fromPretrained(base, adapter).close();
      if (i % (cycles / READINGS) == 0) {
        double resident = Outcome.status("VmRSS:");
        System.out.printf("%,d loads and closes: %.1f MiB resident%n", i, resident);
        warm = i <= cycles / 2 ? Math.max(warm, resident) : warm;
        highest = Math.max(highest, resident);
      }
    }
    return highest - warm;
  }

  /** The median of some. */
  private static double millisOfLoad(CausalLm base, Path adapter) throws IOException {
    double[] millis = new double[LOADS];
    for (int i = 0; i < LOADS; i++) {
      long start = System.nanoTime();
      PeftModel<CausalLm> view = PeftModel.fromPretrained(base, adapter);
      millis[i] = (System.nanoTime() - start) / NANOS_IN_MILLI;
      view.close();
    }
    Arrays.sort(millis);
    return millis[LOADS / 2];
  }
}
