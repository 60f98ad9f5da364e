package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.data.SquadExample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SquadSplitTest {

  private final Path directory;

  SquadSplitTest(@TempDir Path directory) {
    this.directory = directory;
  }

  @Test
  void noPassageStandsOnBothSides() throws IOException {
    SquadSplit split = SquadSplit.of(TinyFiles.squad(directory, 10), 5, 42);

    assertThat(split.heldOut().size()).isEqualTo(5);
    assertThat(split.train().size()).isEqualTo(14);
    assertThat(split.train().examples())
        .extracting(SquadExample::context)
        .doesNotContainAnyElementsOf(
            split.heldOut().examples().stream().map(SquadExample::context).toList());
  }

  @Test
  void oneSideNeverTakesAll() throws IOException {
    SquadSplit split = SquadSplit.of(TinyFiles.squad(directory, 3), 100, 42);

    assertThat(split.train().size()).isEqualTo(2);
    assertThat(split.heldOut().size()).isEqualTo(4);
  }

  @Test
  void onePassageCannotBeSplit() throws IOException {
    Path file = TinyFiles.squad(directory, 1);

    assertThatThrownBy(() -> SquadSplit.of(file, 1, 42))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("wanted at least two passages")
        .hasMessageContaining("found 1");
  }

  @Test
  void oneArticleIsSplitByPassage() throws IOException {
    Path file = TinyFiles.squad(directory, 4);
    Files.writeString(file, Files.readString(file).replaceAll("Tin \\d\"", "Tins\""));

    SquadSplit split = SquadSplit.of(file, 2, 42);

    assertThat(split.heldOut().size()).isEqualTo(2);
    assertThat(split.train().size()).isEqualTo(6);
  }
}
