package io.github.lora4j.examples;

import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterInspection;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.TargetModules;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * Checks adapters, each in one line.
 *
 * @param base what they shall fit; empty if nothing but themselves
 */
record AdapterCheck(Optional<ModuleTree> base) {

  static final String REFUSED = "refused: ";

  private static final String READABLE = "readable";
  private static final String NO_KIND = "-";

  /** Longest reason that is told; one that lists every tensor is a page long. */
  private static final int LONGEST = 400;

  /**
   * A line of the table.
   *
   * @param name of the adapter
   * @param kind method, rank, targets, types and bytes, as far as they can be told
   * @param outcome {@code loads on BASE}, {@code readable}, or {@code refused: } and the reason
   */
  record Line(String name, String kind, String outcome) {}

  /** Checks a directory. */
  Line adapter(String name, Path directory) {
    String kind = NO_KIND;
    try {
      kind = kind(LoraConfig.read(directory));
      AdapterInspection found = AdapterInspection.of(AdapterFiles.in(directory));
      kind = kind(found);
      return new Line(name, kind, base.isEmpty() ? READABLE : fit(directory, base.get()));
    } catch (IOException | LoraException e) {
      return new Line(name, kind, REFUSED + reason(e, directory));
    }
  }

  private static String fit(Path directory, ModuleTree base) throws IOException {
    String name = base.baseName().isEmpty() ? base.modelClass() : base.baseName();
    try {
      AdapterInspection.of(AdapterFiles.in(directory), base);
      return "loads on " + name;
    } catch (LoraException e) {
      return "%s; %s".formatted(READABLE, reason(e, directory));
    }
  }

  /** Checks a configuration that stands alone. */
  Line configuration(String name, Path file) {
    try {
      return new Line(name, kind(LoraConfig.read(file)), READABLE + ", a configuration alone");
    } catch (IOException | LoraException e) {
      Path directory = Objects.requireNonNullElse(file.getParent(), Path.of(""));
      return new Line(name, NO_KIND, REFUSED + reason(e, directory));
    }
  }

  private static String kind(AdapterInspection found) {
    return String.format(
        Locale.ROOT, "%s, %s, %,d bytes", kind(found.config()), found.types(), found.bytes());
  }

  private static String kind(LoraConfig config) {
    return "%s r=%d%s %s"
        .formatted(
            config.dora() ? "LORA with DoRA" : "LORA",
            config.rank(),
            config.rankPattern().isEmpty() ? "" : " and others",
            targets(config.targetModules()));
  }

  /** Which modules, in a few words. */
  static String targets(TargetModules targets) {
    if (targets instanceof TargetModules.Names names) {
      return names.names().size() > 3
          ? "[%s, … %d names]".formatted(names.names().get(0), names.names().size())
          : names.names().toString();
    } else if (targets instanceof TargetModules.Matching) {
      return "[by expression]";
    }
    return targets instanceof TargetModules.AllLinear ? "[all-linear]" : "[the base's defaults]";
  }

  /** One line, without the directory, which the table has named. */
  private static String reason(Exception failure, Path directory) {
    String line = OneLineErrors.line(failure).replace(directory + "/", "");
    return line.length() > LONGEST ? line.substring(0, LONGEST) + "…" : line;
  }
}
