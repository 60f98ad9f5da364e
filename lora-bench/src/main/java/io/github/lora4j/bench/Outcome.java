package io.github.lora4j.bench;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The one line of JSON that a program prints in the end. */
final class Outcome {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final double KIB_IN_MIB = 1024;
  private static final double MIB = 1 << 20;

  private final JsonObject json = new JsonObject();

  /** Adds a number, a string or a list of them. */
  Outcome with(String name, Object value) {
    json.add(name, new Gson().toJsonTree(value));
    return this;
  }

  /** Adds what the process has held at most, pages of mapped weights and the JVM included. */
  Outcome withMemory(CausalLm base) throws IOException {
    double peak = status("VmHWM:");
    double weights = base.decoder().weightBytes() / MIB;
    return with("peakMiB", peak)
        .with("weightsMiB", weights)
        .with("aboveWeightsMiB", peak - weights);
  }

  void print() {
    System.out.println(json);
  }

  /** A line of the process's status as Linux counts it, MiB. */
  static double status(String line) throws IOException {
    return Files.readAllLines(STATUS).stream()
            .filter(text -> text.startsWith(line))
            .mapToLong(text -> Long.parseLong(text.replaceAll("\\D", "")))
            .findFirst()
            .orElseThrow()
        / KIB_IN_MIB;
  }
}
