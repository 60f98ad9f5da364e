package io.github.lora4j.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A client in a process of its own, for tests of several processes and for the comparison with
 * Python: {@code HubProcess ENDPOINT CACHE snapshot|model|download ID [REVISION [FILE]]}. Prints
 * the path.
 */
final class HubProcess {

  private HubProcess() {}

  public static void main(String[] arguments) throws IOException {
    boolean offline = arguments[0].equals("offline");
    HubOptions.Builder options =
        HubOptions.builder(Map.of())
            .cache(Path.of(arguments[1]))
            .offline(offline)
            .revision(arguments.length > 4 ? arguments[4] : "main");
    if (!offline) {
      options.endpoint(URI.create(arguments[0]));
    }
    Optional.ofNullable(System.getenv("HF_TOKEN")).ifPresent(options::token);
    HubClient client = HubClient.of(options.build());
    HubRepository repository =
        arguments[3].startsWith("datasets/")
            ? HubRepository.dataset(arguments[3].substring("datasets/".length()))
            : HubRepository.model(arguments[3]);
    Path path =
        switch (arguments[2]) {
          case "model" -> client.model(repository, small -> {});
          case "snapshot" -> client.snapshot(repository, HubPatterns.all());
          default -> client.download(repository, arguments[5]);
        };
    System.out.println(path);
  }
}
