package io.github.lora4j.examples;

import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterInspection;
import io.github.lora4j.hub.HubCommit;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.hub.HubUploader;
import io.github.lora4j.hub.PushOptions;
import io.github.lora4j.hub.PushOptions.Creation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Pushes an adapter's directory to the hub, with a progress bar. The token comes from the
 * environment or the login of the hub's own tool, never from the command line.
 *
 * @since 0.1.0
 */
@Command(
    name = "PushAdapter",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Pushes an adapter to the hub. The token is HF_TOKEN, or that of a login.")
public final class PushAdapter implements Callable<Integer> {

  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final List<String> REQUIRED = List.of("adapter_config.json", WEIGHTS);
  private static final String CARD = "README.md";

  private final Page page;
  private final Interruption interruption;
  private final Consumer<HubOptions.Builder> more;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(index = "0", paramLabel = "DIR", description = "An adapter's directory.")
  private Path directory = Path.of("");

  @Parameters(
      index = "1",
      paramLabel = "ID",
      description = "owner/name on the hub; without an owner, that of the token.")
  private String id = "";

  @Option(
      names = "--create",
      paramLabel = "HOW",
      description =
          "What happens if the repository is missing: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Creation creation = Creation.OWNERS_DEFAULT;

  @Option(
      names = "--branch",
      paramLabel = "NAME",
      description = "Branch to commit to; made if it is missing. Default: ${DEFAULT-VALUE}.")
  private String branch = "main";

  @Option(
      names = "--message",
      paramLabel = "TEXT",
      description = "Summary of the commit. Default: ${DEFAULT-VALUE}.")
  private String message = "Upload with lora4j";

  @Option(names = "--description", paramLabel = "TEXT", description = "More about the commit.")
  private @Nullable String description;

  @Option(
      names = "--pull-request",
      description = "Open a pull request against main instead of committing to it.")
  private boolean pullRequest;

  @Mixin private final HubArguments arguments = new HubArguments();

  PushAdapter(Page page, Interruption interruption) {
    this(page, interruption, options -> {});
  }

  /** With more options than the command line has, which a token never is on. */
  PushAdapter(Page page, Interruption interruption, Consumer<HubOptions.Builder> more) {
    this.page = page;
    this.interruption = interruption;
    this.more = more;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(PushAdapter::new, args));
  }

  @Override
  public Integer call() throws IOException {
    List<String> files = files();
    AdapterInspection adapter = AdapterInspection.of(AdapterFiles.in(directory));
    page.say(
        "rank %d, targets %s",
        adapter.config().rank(), AdapterCheck.targets(adapter.config().targetModules()));
    HubUploader uploader = HubUploader.of(options());
    PushOptions push =
        PushOptions.builder()
            .creation(creation)
            .message(message)
            .description(description == null ? "" : description)
            .pullRequest(pullRequest)
            .build();
    HubRepository repository = HubRepository.model(id);
    Thread pushing = Thread.currentThread();
    HubCommit commit =
        interruption.finish(
            pushing::interrupt, () -> uploader.push(repository, directory, files, push));
    page.say(commit.changed() ? "committed: %s" : "the hub has all of it already: %s", commit);
    return 0;
  }

  private HubOptions options() {
    HubOptions.Builder options = arguments.options().revision(branch);
    if (spec != null) {
      options.progress(new TransferBar(spec.commandLine().getErr(), Help.Ansi.AUTO.enabled()));
    }
    more.accept(options);
    return options.build();
  }

  private List<String> files() throws IOException {
    for (String file : REQUIRED) {
      if (!Files.isRegularFile(directory.resolve(file))) {
        boolean old = file.equals(WEIGHTS) && Files.exists(directory.resolve("adapter_model.bin"));
        throw new NoSuchFileException(
            directory.resolve(file).toString(),
            null,
            old
                ? "missing; ConvertAdapter makes it from adapter_model.bin"
                : "missing; an adapter needs one");
      }
    }
    List<String> files = new ArrayList<>(REQUIRED);
    if (Files.isRegularFile(directory.resolve(CARD))) {
      files.add(CARD);
    } else {
      page.say("there is no %s, so the adapter goes without a card", CARD);
    }
    return files;
  }
}
