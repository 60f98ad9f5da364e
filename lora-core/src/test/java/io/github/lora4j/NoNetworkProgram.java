package io.github.lora4j;

import io.github.lora4j.hub.HubClient;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubPatterns;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Uses what is cached and saves it, in a process that has no network: {@code NoNetworkProgram CACHE
 * OUT REVISION ONLINE}.
 */
public final class NoNetworkProgram {

  private NoNetworkProgram() {}

  /** The base that the adapter was made for. */
  static FloatMlp base() {
    return FloatMlp.random(1, 6, 10, 5, 2);
  }

  public static void main(String[] arguments) throws IOException {
    HubOptions options =
        HubOptions.builder(Map.of())
            .cache(Path.of(arguments[0]))
            .revision(arguments[2])
            .offline(!Boolean.parseBoolean(arguments[3]))
            .retries(0)
            .build();
    HubRepository repository = HubRepository.model("me/mail");
    HubClient hub = HubClient.of(options);
    hub.snapshot(repository, HubPatterns.all());
    hub.download(repository, "adapter_config.json");
    hub.list(repository);
    try (PeftModel<FloatMlp> named = PeftModel.fromPretrained(base(), "me/mail", options)) {
      named.save(Path.of(arguments[1]));
    }
    PeftModel.fromPretrained(base(), AdapterSource.hub(options), "me/mail").close();
    PeftModel.fromPretrained(base(), arguments[1]).close();
  }
}
