package io.github.lora4j.examples;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** Small inputs: a BLOOM of two layers from the golden files, questions and e-mails made here. */
final class TinyFiles {

  private static final Path ROOT = Path.of(System.getProperty("lora4j.root", ".."));

  private TinyFiles() {}

  static Path checkpoint() {
    return ROOT.resolve("lora-djl/src/test/resources/golden/bloom/power-of-two/checkpoint");
  }

  /** A tiny model of another family, e.g. {@code llama/grouped}. */
  static Path family(String name) {
    return ROOT.resolve("lora-djl/src/test/resources/golden/families")
        .resolve(name)
        .resolve("checkpoint");
  }

  /** A golden file of the core. */
  static Path core(String name) {
    return ROOT.resolve("lora-core/src/test/resources/golden").resolve(name);
  }

  /** Real files from outside the repository, or the test is skipped and says why. */
  static Path shared(String name) {
    String shared = System.getProperty("lora4j.shared", "");
    Path directory = Path.of(shared).resolve(name);
    boolean there = !shared.isEmpty() && Files.isDirectory(directory);
    if (!there) {
      System.out.printf("skipped: no %s; give -Dlora4j.shared=DIR to test real files%n", name);
    }
    Assumptions.assumeTrue(there, "-Dlora4j.shared=DIR is not given or has no " + name);
    return directory;
  }

  /** Two questions on each passage, one passage an article; every second one has no answer. */
  static Path squad(Path directory, int articles) throws IOException {
    List<Map<String, Object>> data = new ArrayList<>();
    for (int i = 0; i < articles; i++) {
      String context = "Tin number " + i + " is full.";
      Map<String, Object> answer = Map.of("text", "full", "answer_start", context.indexOf("full"));
      List<Map<String, Object>> questions =
          List.of(
              Map.of(
                  "id", i + "a", "question", "How is tin " + i + "?", "answers", List.of(answer)),
              Map.of(
                  "id", i + "b", "question", "Who?", "answers", List.of(), "is_impossible", true));
      data.add(
          Map.of(
              "title",
              "Tin " + i,
              "paragraphs",
              List.of(Map.of("context", context, "qas", questions))));
    }
    Path file = directory.resolve("tiny-v2.0.json");
    Files.writeString(file, new Gson().toJson(Map.of("version", "v2.0", "data", data)));
    return file;
  }

  static Path mails(Path directory) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      lines.add(
          new Gson()
              .toJson(
                  Map.of("product", "Tin " + i, "description", "A tin.", "email", "Buy tin " + i)));
    }
    return Files.write(directory.resolve("mails.jsonl"), lines);
  }
}
