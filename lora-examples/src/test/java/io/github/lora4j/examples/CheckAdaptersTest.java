package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckAdaptersTest {

  private static final Path BLOOM_ADAPTERS = TinyFiles.checkpoint().resolveSibling("adapters");

  private final Path directory;

  CheckAdaptersTest(@TempDir Path directory) {
    this.directory = directory;
  }

  private static List<String> table(Object... args) {
    Ran ran =
        Ran.example(
            CheckAdapters::new,
            java.util.Arrays.stream(args).map(Object::toString).toArray(String[]::new));
    assertThat(ran.err()).isEmpty();
    assertThat(ran.exitCode()).isZero();
    return ran.out().lines().toList();
  }

  @Test
  void adaptersOfABaseLoadOnIt() {
    List<String> lines = table("--model=" + TinyFiles.checkpoint(), BLOOM_ADAPTERS);

    assertThat(lines).hasSize(BLOOM_ADAPTERS.toFile().list().length + 2);
    assertThat(lines.subList(1, lines.size() - 1))
        .allSatisfy(line -> assertThat(line).contains("LORA r=4", "[F32]", "loads on "));
    assertThat(lines.get(lines.size() - 1)).contains("can be read, 0 are refused");
  }

  @Test
  void adapterOfAnotherBaseIsReadableAndSaysWhyNotThere() {
    List<String> lines =
        table("--model=" + TinyFiles.checkpoint(), TinyFiles.core("torch/adapter"));

    assertThat(lines.get(1)).startsWith("adapter ").contains("readable; ", "match nothing in");
  }

  @Test
  void everyLineTellsItsReason() throws IOException {
    Path both = directory.resolve("z/both");
    copy("mlp/both-targets", both, "adapter_config.json", "adapter_model.safetensors");
    copy("torch/adapter", directory.resolve("bin"), "adapter_config.json", "adapter_model.bin");
    copy("torch/adapter", directory.resolve("no-weights"), "adapter_config.json");
    copy("torch/adapter", directory.resolve("hostile"), "adapter_config.json");
    Files.copy(
        TinyFiles.core("torch/refused-command.bin"),
        directory.resolve("hostile/adapter_model.bin"));
    Files.writeString(directory.resolve("alone.json"), "{\"peft_type\":\"LORA\",\"r\":3}");
    Files.writeString(directory.resolve("vera.json"), "{\"peft_type\":\"VERA\"}");

    List<String> lines = table(directory);

    assertThat(lines).hasSize(8);
    assertThat(lines.get(1)).matches("bin +LORA r=.* bytes +readable");
    assertThat(lines.get(2)).startsWith("hostile ").contains("refused: ", "'posix.system'");
    assertThat(lines.get(3)).startsWith("no-weights ").contains("refused: ", "but no weights");
    assertThat(lines.get(4)).matches("z/both +LORA r=.* bytes +readable");
    assertThat(lines.get(5)).startsWith("alone.json ").contains("LORA r=3").contains("readable");
    assertThat(lines.get(6)).contains("vera.json").contains("refused: ", "peft_type 'VERA'");
    assertThat(lines.get(7)).isEqualTo("3 of 6 can be read, 3 are refused");
  }

  @Test
  void missingDirectoryIsNamed() {
    Ran ran = Ran.example(CheckAdapters::new, directory.resolve("nowhere").toString());

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines()).singleElement().asString().contains("nowhere: not a directory");
  }

  /** The table of all real files: one command, and every line of one of three forms. */
  @Test
  void everyRealFileIsReadOrRefusedWithAReason() {
    Path adapters = TinyFiles.shared("data/adapters");
    Path damaged = TinyFiles.shared("data/adapters-damaged");
    Path configs = TinyFiles.shared("data/adapter-configs");

    List<String> lines = table(adapters, damaged, configs);

    lines.forEach(System.out::println);
    int files =
        adapters.toFile().list().length
            + damaged.toFile().list().length
            + configs.toFile().list().length;
    assertThat(lines).hasSize(files + 2);
    assertThat(lines.subList(1, lines.size() - 1))
        .allMatch(line -> line.matches(".*  (loads on \\S+|readable.*|refused: .{30,})"));
    assertThat(lines.stream().filter(line -> line.contains("refused: ")))
        .hasSizeLessThan(files / 4);
  }

  private static void copy(String golden, Path to, String... files) throws IOException {
    Files.createDirectories(to);
    for (String file : files) {
      Files.copy(TinyFiles.core(golden).resolve(file), to.resolve(file));
    }
  }
}
