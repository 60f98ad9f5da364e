package io.github.lora4j.examples;

import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Trains the adapter that writes marketing e-mails: how the one that the examples carry was made.
 *
 * @since 0.1.0
 */
@Command(
    name = "TrainMailAdapter",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Teaches a model to write short marketing e-mails, with a LoRA adapter.")
public final class TrainMailAdapter implements Callable<Integer> {

  private final Page page;
  private final Interruption interruption;

  @Mixin private final BaseOptions base = new BaseOptions();
  @Mixin private final TuningOptions tuning = new TuningOptions();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "JSON lines with product, description and email. Default: those inside.")
  private @Nullable Path data;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "out/mail",
      description = "Adapter, log and checkpoints go here. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("");

  @Option(names = "--resume", description = "Take up a run that was interrupted.")
  private boolean resume;

  TrainMailAdapter(Page page, Interruption interruption) {
    this.page = page;
    this.interruption = interruption;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(TrainMailAdapter::new, args));
  }

  @Override
  public Integer call() throws IOException {
    tuning.check(base.defaults());
    page.say("Base: %s", base);
    try (CausalLm model = base.load()) {
      TrainingRun run = new TrainingRun(output, resume, interruption, page);
      Path records = data == null ? MailTask.embeddedRecords() : data;
      Path adapter = MailTask.train(model, tuning, base.defaults(), run, records, tuning.steps());
      page.say("Adapter: %s", adapter);
    }
    return 0;
  }
}
