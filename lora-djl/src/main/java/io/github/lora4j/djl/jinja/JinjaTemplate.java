package io.github.lora4j.djl.jinja;

import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A template, read once and rendered any number of times, by any number of threads.
 *
 * @since 0.1.0
 */
public final class JinjaTemplate {

  private final Node body;
  private final boolean marksBlocks;

  private JinjaTemplate(Node body, boolean marksBlocks) {
    this.body = body;
    this.marksBlocks = marksBlocks;
  }

  /**
   * Text that stands in a {@code generation} block.
   *
   * @param start what had been written before it, chars
   * @param text the text
   */
  public record Span(int start, String text) {}

  /**
   * What a template wrote.
   *
   * @param text all of it
   * @param spans its {@code generation} blocks in order
   */
  public record Rendering(String text, List<Span> spans) {

    /** Copies the list. */
    public Rendering {
      spans = List.copyOf(spans);
    }
  }

  /**
   * Reads a template.
   *
   * @param source its text
   * @return the template
   * @throws JinjaException if it is none, or uses a tag that is not there, with the line
   */
  public static JinjaTemplate parse(String source) {
    TemplateParser parser = new TemplateParser(Objects.requireNonNull(source, "source"));
    Node body = parser.template();
    return new JinjaTemplate(body, parser.marksBlocks());
  }

  /**
   * Whether the template marks what a model generates by {@code generation} blocks.
   *
   * @return whether there is such a block
   */
  public boolean marksBlocks() {
    return marksBlocks;
  }

  /**
   * Renders the template.
   *
   * @param variables by name: texts, numbers, truth values, nulls, and lists and maps of them; they
   *     are copied
   * @param now what {@code strftime_now} shows
   * @return the text
   * @throws JinjaException if the template refuses the variables, does with them what cannot be
   *     done, or computes too much
   * @throws IllegalArgumentException if a variable is of another type
   */
  public Rendering render(Map<String, ? extends @Nullable Object> variables, LocalDateTime now) {
    Map<String, Object> values = new HashMap<>();
    variables.forEach((name, value) -> values.put(name, Values.of(value)));
    Run run = new Run(Objects.requireNonNull(now, "now"), Values.size(values));
    Work.paidBy(run);
    try {
      body.render(Frame.root(run, values), run.root());
    } catch (StackOverflowError e) { // of values that a template nested without end
      throw new JinjaException("the template nests values too deeply");
    } finally {
      Work.paidBy(null);
    }
    return new Rendering(run.root().text(), run.spans());
  }
}
