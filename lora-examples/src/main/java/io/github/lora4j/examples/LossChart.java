package io.github.lora4j.examples;

import io.github.lora4j.djl.train.TrainingStep;
import io.github.lora4j.io.AtomicFile;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/**
 * A picture of the loss by step: every step in grey, the running mean in blue. A machine without
 * fonts, as small containers are, gets the picture without its texts.
 */
final class LossChart {

  private static final int WIDTH = 960;
  private static final int HEIGHT = 540;
  private static final int LEFT = 80;
  private static final int RIGHT = 30;
  private static final int TOP = 60;
  private static final int BOTTOM = 60;
  private static final int TICKS = 5;

  /** Weight of a new value in the running mean: about the last ten steps count. */
  private static final double SMOOTHING = 0.2;

  private static final Font PLAIN = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
  private static final Font BOLD = new Font(Font.SANS_SERIF, Font.BOLD, 18);
  private static final Color GRID = new Color(0xE3E6EA);
  private static final Color RAW = new Color(0xB4BCC6);
  private static final Color MEAN = new Color(0x1F5FBF);
  private static final Color TEXT = new Color(0x333A44);

  private final List<TrainingStep> steps;
  private final boolean texts;
  private final double step; // distance of the grid lines of the loss
  private final double low;
  private final double high;

  private LossChart(List<TrainingStep> steps) {
    this.steps = steps;
    this.texts = fonts();
    double least = steps.stream().mapToDouble(TrainingStep::loss).min().orElseThrow();
    double most = steps.stream().mapToDouble(TrainingStep::loss).max().orElseThrow();
    step = roundUp(Math.max(most - least, 1e-3) / TICKS);
    low = Math.floor(least / step) * step;
    high = Math.max(low + step, Math.ceil(most / step) * step);
  }

  /**
   * Draws and writes a PNG; no display is needed.
   *
   * @param steps at least one
   */
  static void write(Path file, String title, List<TrainingStep> steps) throws IOException {
    BufferedImage image = new LossChart(steps).draw(title);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    if (!ImageIO.write(image, "png", bytes)) {
      throw new IOException(file + ": this Java runtime writes no PNG");
    }
    AtomicFile.write(file, bytes.toByteArray());
  }

  /** Whether Java finds fonts here; it says no by one of several errors. */
  static boolean fonts() {
    try {
      BufferedImage dot = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
      return dot.createGraphics().getFontMetrics(PLAIN).stringWidth("0") > 0;
    } catch (LinkageError | InternalError | RuntimeException e) {
      return false;
    }
  }

  /** The next of 1, 2, 5, 10, 20, ... so that labels are round. */
  private static double roundUp(double value) {
    double power = Math.pow(10, Math.floor(Math.log10(value)));
    for (double round : new double[] {1, 2, 5}) {
      if (value <= round * power) {
        return round * power;
      }
    }
    return 10 * power;
  }

  private BufferedImage draw(String title) {
    BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    g.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    g.setColor(Color.WHITE);
    g.fillRect(0, 0, WIDTH, HEIGHT);
    axes(g);
    if (texts) {
      labels(g, title);
    }
    curve(g, RAW, 1.2f, 1);
    curve(g, MEAN, 2.6f, SMOOTHING);
    g.dispose();
    return image;
  }

  private void axes(Graphics2D g) {
    g.setColor(GRID);
    for (double loss : gridLines()) {
      int y = (int) Math.round(y(loss));
      g.drawLine(LEFT, y, WIDTH - RIGHT, y);
    }
    g.setColor(TEXT);
    g.drawLine(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
  }

  private double[] gridLines() {
    int lines = (int) Math.round((high - low) / step);
    return IntStream.rangeClosed(0, lines).mapToDouble(line -> low + line * step).toArray();
  }

  private void labels(Graphics2D g, String title) {
    g.setColor(TEXT);
    g.setFont(BOLD);
    g.drawString(title, LEFT, TOP - 30);
    g.setFont(PLAIN);
    g.drawString("loss, nats per token", 14, TOP - 10);
    int decimals = Math.max(0, (int) -Math.floor(Math.log10(step) + 1e-9));
    for (double loss : gridLines()) {
      String text = String.format(Locale.ROOT, "%." + decimals + "f", loss);
      right(g, text, LEFT - 10, (int) y(loss) + 5);
    }
    int first = steps.get(0).step();
    int last = steps.get(steps.size() - 1).step();
    int stride = (int) Math.max(1, roundUp(Math.max(1, last - first) / (double) TICKS));
    for (int at = first; at <= last; at = (at / stride + 1) * stride) {
      centred(g, Integer.toString(at), x(at), HEIGHT - BOTTOM + 22);
    }
    centred(g, "optimiser step", (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14);
    g.setColor(RAW);
    right(g, "each step", WIDTH - RIGHT - 110, TOP - 30);
    g.setColor(MEAN);
    right(g, "running mean", WIDTH - RIGHT, TOP - 30);
  }

  private void curve(Graphics2D g, Color color, float width, double weight) {
    Path2D path = new Path2D.Double();
    double mean = steps.get(0).loss();
    path.moveTo(x(steps.get(0).step()), y(mean));
    for (TrainingStep one : steps) {
      mean += weight * (one.loss() - mean);
      path.lineTo(x(one.step()), y(mean));
    }
    g.setColor(color);
    g.setStroke(new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    g.draw(path);
  }

  private static void right(Graphics2D g, String text, int x, int y) {
    g.drawString(text, x - g.getFontMetrics().stringWidth(text), y);
  }

  private static void centred(Graphics2D g, String text, double x, int y) {
    g.drawString(text, (int) (x - g.getFontMetrics().stringWidth(text) / 2.0), y);
  }

  private double x(int at) {
    int first = steps.get(0).step();
    int span = Math.max(1, steps.get(steps.size() - 1).step() - first);
    return LEFT + (WIDTH - LEFT - RIGHT) * (double) (at - first) / span;
  }

  private double y(double loss) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (loss - low) / (high - low);
  }
}
