package io.github.lora4j.examples;

import io.github.lora4j.hub.HubOptions;
import java.net.URI;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which hub, and which cache. The token is never an argument: others could see it there. */
final class HubArguments {

  @Option(
      names = "--endpoint",
      paramLabel = "URL",
      description = "The hub's address. Default: HF_ENDPOINT, or https://huggingface.co.")
  private @Nullable URI endpoint;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description = "The hub's cache. Default: HF_HUB_CACHE, or that of the hub's own tools.")
  private @Nullable Path cache;

  /** Starts options; the token comes from HF_TOKEN or the file that a login wrote. */
  HubOptions.Builder options() {
    HubOptions.Builder options = HubOptions.builder();
    if (endpoint != null) {
      options.endpoint(endpoint);
    }
    if (cache != null) {
      options.cache(cache);
    }
    return options;
  }
}
