package io.github.lora4j.examples;

import io.github.lora4j.hub.HubClient;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubPatterns;
import io.github.lora4j.hub.HubRepository;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Downloads a model or an adapter from the hub into the cache that Python's tools share, and prints
 * its directory. Interrupted, it goes on at the next call where it stopped.
 *
 * @since 0.1.0
 */
@Command(
    name = "DownloadModel",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description =
        "Downloads a model or an adapter from the hub and prints its directory. The token, if one"
            + " is needed, comes from HF_TOKEN or the file that a login of the hub's tool wrote.")
public final class DownloadModel implements Callable<Integer> {

  private final Page page;
  private final Interruption interruption;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(paramLabel = "ID", description = "E.g. bigscience/bloom-560m.")
  private String id = "";

  @Option(
      names = "--revision",
      defaultValue = "main",
      description = "A branch, a tag or a commit. Default: ${DEFAULT-VALUE}.")
  private String revision = "main";

  @Option(names = "--subfolder", description = "The directory within the repository.")
  private @Nullable String subfolder;

  @Option(
      names = "--include",
      paramLabel = "PATTERN",
      description =
          "Files to load, e.g. '*.json'; may be given several times. Default: what a model or an"
              + " adapter needs.")
  private List<String> include = List.of();

  @Option(names = "--offline", description = "Only look into the cache.")
  private boolean offline;

  @Mixin private final HubArguments arguments = new HubArguments();

  DownloadModel(Page page, Interruption interruption) {
    this.page = page;
    this.interruption = interruption;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(DownloadModel::new, args));
  }

  @Override
  public Integer call() throws IOException {
    interruption.lastWords("interrupted; the same command goes on where it stopped");
    HubRepository repository = HubRepository.model(id);
    HubClient hub = HubClient.of(options());
    page.say(directory(hub, repository).toString());
    return 0;
  }

  private HubOptions options() {
    HubOptions.Builder options = arguments.options().revision(revision);
    if (subfolder != null) {
      options.subfolder(subfolder);
    }
    if (offline) {
      options.offline(true);
    }
    if (spec != null) {
      options.progress(new TransferBar(spec.commandLine().getErr(), Help.Ansi.AUTO.enabled()));
    }
    return options.build();
  }

  private Path directory(HubClient hub, HubRepository repository) throws IOException {
    if (!include.isEmpty()) {
      return hub.snapshot(repository, HubPatterns.of(include.toArray(String[]::new)));
    }
    return hub.list(repository).contains("adapter_config.json")
        ? hub.adapter(repository)
        : hub.model(repository, small -> {});
  }
}
