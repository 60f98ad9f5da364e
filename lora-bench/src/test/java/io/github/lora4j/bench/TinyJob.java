package io.github.lora4j.bench;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A job on the golden checkpoint, and what a program prints when it runs it. */
final class TinyJob {

  /** A program's main. */
  @FunctionalInterface
  interface Program {
    void run(String[] args) throws Exception;
  }

  static final Path ROOT = Path.of(System.getProperty("lora4j.root"));
  static final Path EXAMPLES =
      ROOT.resolve("lora-examples/src/main/resources/io/github/lora4j/examples");

  private static final Path GOLDEN =
      ROOT.resolve("lora-djl/src/test/resources/golden/bloom/power-of-two");

  private TinyJob() {}

  static Job of(List<String> adapters, List<int[]> rows, int newTokens, Path results) {
    return new Job(
        GOLDEN.resolve("checkpoint").toString(),
        adapters.stream().map(name -> GOLDEN.resolve("adapters").resolve(name).toString()).toList(),
        "fp32",
        List.of(new Job.Batch(rows, rows), new Job.Batch(rows.subList(0, 1), rows.subList(0, 1))),
        true,
        false,
        1,
        newTokens,
        results.toString());
  }

  /** Runs a program on a job file and reads the last line that it prints. */
  static JsonObject run(Program program, Path directory, Job job) throws Exception {
    Path file = directory.resolve("job.json");
    Files.writeString(file, new Gson().toJson(job));
    return run(program, file.toString());
  }

  static JsonObject run(Program program, String... args) throws Exception {
    List<String> lines = printed(program, args);
    return JsonParser.parseString(lines.get(lines.size() - 1)).getAsJsonObject();
  }

  static List<String> printed(Program program, String... args) throws Exception {
    PrintStream console = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      program.run(args);
    } finally {
      System.setOut(console);
    }
    return printed.toString(StandardCharsets.UTF_8).lines().toList();
  }
}
