package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Runs a double with a model and a data set in it until the standard input ends, for clients in
 * other languages. Prints the endpoint; a line {@code requests} on the input is answered with the
 * requests since the last such line, and an empty line.
 */
public final class HubDoubleMain {

  private HubDoubleMain() {}

  public static void main(String[] arguments) throws IOException {
    int port = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 0;
    try (HubDouble hub = HubDouble.start(port)) {
      UploadRoutes.addTo(hub);
      fill(hub.store());
      System.out.println(hub.endpoint());
      System.out.flush();
      for (int c = System.in.read(); c >= 0; c = System.in.read()) {
        if (c == '\n') {
          hub.requests().forEach(System.out::println);
          hub.forgetRequests();
          System.out.println();
          System.out.flush();
        }
      }
      hub.failures().forEach(System.err::println);
    }
  }

  private static void fill(DoubleStore store) {
    store.addUser("hf_double", "me");
    DoubleRepository model = store.model("me/tiny");
    model.commitText(
        Map.of(
            "config.json", "{\"model_type\":\"bloom\"}",
            "tokenizer.json", "{}",
            "tokenizer_config.json", "{}",
            "empty.txt", "",
            "README.md", "# tiny: größe ☃",
            "with space/ünïcode file.json", "[1]",
            "deep/er/config.json", "{\"deep\":true}"));
    model.point("v1.0", model.resolve("main").orElseThrow());
    model.commit("pytorch_model.bin", random(1000, 1));
    model.commit("model.safetensors", random(3_000_000, 2));
    model.point("refs/pr/1", model.resolve("main").orElseThrow());
    model.commit(
        "main",
        "Track a small file as a large one",
        Map.of("tokenizer.model", DoubleFile.large("small".getBytes(StandardCharsets.UTF_8))),
        Set.of("empty.txt"));
    store.dataset("me/questions").commitText(Map.of("train.json", "[]", "data/dev.csv", "a,b\n"));
    store.model("me/private").makePrivate().commitText(Map.of("config.json", "{}"));
    store.model("me/gated").makeGated().commitText(Map.of("config.json", "{}"));
  }

  private static byte[] random(int count, long seed) {
    byte[] bytes = new byte[count];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }
}
