package io.github.lora4j.examples;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Answers with two adapters on one base, in turn and in one batch.
 *
 * @since 0.1.0
 */
@Command(
    name = "SwapAdapters",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Answers with two adapters on one base, in turn and in one batch.")
public final class SwapAdapters implements Callable<Integer> {

  private final Page page;

  @Mixin private final BaseOptions base = new BaseOptions();

  @Parameters(
      paramLabel = "QUESTIONS",
      description = "The adapter that FineTuneBloomOnSquad saved.")
  private Path questions = Path.of("");

  @Option(
      names = "--mail-adapter",
      paramLabel = "DIR",
      description = "The adapter that TrainMailAdapter saved. Default: the one inside.")
  private @Nullable Path mail;

  SwapAdapters(Page page, Interruption interruption) {
    this.page = page;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(SwapAdapters::new, args));
  }

  @Override
  public Integer call() throws IOException {
    try (CausalLm model = base.load();
        PeftModel<CausalLm> qa = PeftModel.fromPretrained(model, questions)) {
      Path second = mail == null ? EmbeddedFiles.MAIL_ADAPTER.directory() : mail;
      new TwoAdapters(page, model).show(qa, second);
    }
    return 0;
  }
}
