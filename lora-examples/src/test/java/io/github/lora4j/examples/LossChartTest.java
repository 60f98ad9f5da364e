package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.djl.train.TrainingStep;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LossChartTest {

  private static final int BLUE = 0xFF1F5FBF;

  private final Path directory;

  LossChartTest(@TempDir Path directory) {
    this.directory = directory;
  }

  @Test
  void fallingLossIsDrawnFromTopLeftToBottomRight() throws IOException {
    BufferedImage image =
        draw(IntStream.rangeClosed(1, 100).mapToObj(i -> step(i, 5.0 / i)).toList());

    assertThat(blueAt(image, 90)).isLessThan(image.getHeight() / 2);
    assertThat(blueAt(image, 900)).isGreaterThan(image.getHeight() * 3 / 4);
  }

  @Test
  void singleStepGivesPictureToo() throws IOException {
    BufferedImage image = draw(List.of(step(1, 2.5)));

    assertThat(image.getWidth()).isEqualTo(960);
  }

  @Test
  void constantLossIsDrawnAsLevelLine() throws IOException {
    BufferedImage image = draw(List.of(step(1, 0.5), step(2, 0.5), step(3, 0.5)));

    assertThat(blueAt(image, 300)).isEqualTo(blueAt(image, 700));
  }

  private BufferedImage draw(List<TrainingStep> steps) throws IOException {
    Path file = directory.resolve("loss.png");
    LossChart.write(file, "title", steps);
    return ImageIO.read(file.toFile());
  }

  private static TrainingStep step(int step, double loss) {
    return new TrainingStep(step, 0.1 * step, loss, 1, 1e-3, 100, 1000);
  }

  /** Row of the blue curve in a column, below the legend. */
  private static int blueAt(BufferedImage image, int x) {
    return IntStream.range(50, image.getHeight())
        .filter(y -> image.getRGB(x, y) == BLUE)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no curve in column " + x));
  }
}
