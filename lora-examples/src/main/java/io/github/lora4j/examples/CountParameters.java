package io.github.lora4j.examples;

import io.github.lora4j.LoraPlan;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/**
 * Tells what an adapter would be, from the shapes in a {@code config.json} alone: no weights are
 * read, so it answers for a model of any size on any machine.
 *
 * @since 0.1.0
 */
@Command(
    name = "CountParameters",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Tells what an adapter would be, from the shapes in config.json alone.")
public final class CountParameters implements Callable<Integer> {

  private final Page page;

  @Parameters(paramLabel = "CONFIG", description = "A config.json, or the directory it is in.")
  private Path config = Path.of("");

  @Mixin private final LoraOptions lora = new LoraOptions();

  CountParameters(Page page, Interruption interruption) {
    this.page = page;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(CountParameters::new, args));
  }

  @Override
  public Integer call() throws IOException {
    LoraPlan plan = LoraPlan.of(CausalLm.modules(config), lora.config(ExampleDefaults.PUBLISHED));
    page.say(plan.toString());
    return 0;
  }
}
