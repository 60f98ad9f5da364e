package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterInspection;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What PEFT saves for BLOOM is of one piece whether it is checked alone or against its base. */
final class AdaptersWithoutABaseTest {

  private static final Path GOLDEN =
      Path.of(System.getProperty("lora4j.root", ".."))
          .resolve("lora-djl/src/test/resources/golden/bloom");

  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads", "tied", "untied"})
  void everyAdapterOfPeftIsReadable(String base) throws IOException {
    ModuleTree tree = CausalLm.modules(GOLDEN.resolve(base).resolve("checkpoint"));
    List<Path> adapters;
    try (Stream<Path> directories = Files.list(GOLDEN.resolve(base).resolve("adapters"))) {
      adapters = directories.sorted().toList();
    }

    assertThat(adapters).hasSizeGreaterThan(4);
    for (Path adapter : adapters) {
      AdapterFiles files = AdapterFiles.in(adapter);
      AdapterInspection alone = AdapterInspection.of(files);

      assertThat(alone).as("%s", adapter).isEqualTo(AdapterInspection.of(files, tree));
    }
  }
}
