package io.github.lora4j.examples;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Tells of every adapter below some directories whether it can be read, and why not: one table. Of
 * a base, if one is given, only {@code config.json} is read.
 *
 * @since 0.1.0
 */
@Command(
    name = "CheckAdapters",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Tells of every adapter below some directories whether it can be read, and why not.",
      "Of a base only config.json is read, so one of any size will do."
    })
public final class CheckAdapters implements Callable<Integer> {

  private final Page page;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "A base that they shall fit. Default: each is checked for itself.")
  private @Nullable Path model;

  @Parameters(
      paramLabel = "DIR",
      arity = "1..*",
      description = "Adapters are looked for below; files DIR/*.json are taken for configurations.")
  private List<Path> directories = List.of();

  CheckAdapters(Page page, Interruption interruption) {
    this.page = page;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(CheckAdapters::new, args));
  }

  @Override
  public Integer call() throws IOException {
    Optional<ModuleTree> base =
        model == null ? Optional.empty() : Optional.of(CausalLm.modules(model));
    AdapterCheck check = new AdapterCheck(base);
    List<AdapterCheck.Line> lines = new ArrayList<>();
    for (Path directory : directories) {
      FoundAdapters found = FoundAdapters.below(directory);
      for (Path adapter : found.adapters()) {
        lines.add(check.adapter(found.nameOf(adapter), adapter));
      }
      for (Path config : found.configurations()) {
        lines.add(check.configuration(found.nameOf(config), config));
      }
    }
    print(lines);
    return 0;
  }

  private void print(List<AdapterCheck.Line> lines) {
    String row = "%-" + width(lines, 44, true) + "s  %-" + width(lines, 62, false) + "s  %s";
    page.say(row, "name", "kind", "outcome");
    int refused = 0;
    for (AdapterCheck.Line line : lines) {
      page.say(row, cut(line.name(), 44), cut(line.kind(), 62), line.outcome());
      refused += line.outcome().startsWith(AdapterCheck.REFUSED) ? 1 : 0;
    }
    page.say("%d of %d can be read, %d are refused", lines.size() - refused, lines.size(), refused);
  }

  private static int width(List<AdapterCheck.Line> lines, int most, boolean names) {
    return lines.stream()
        .mapToInt(line -> names ? line.name().length() : line.kind().length())
        .map(length -> Math.min(length, most))
        .max()
        .orElse(4);
  }

  private static String cut(String text, int length) {
    return text.length() <= length ? text : text.substring(0, length - 1) + "…";
  }
}
