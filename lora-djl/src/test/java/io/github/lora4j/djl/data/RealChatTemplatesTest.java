package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Chat templates of real models, which are no part of this project: {@code -Dlora4j.templates=DIR}
 * names a directory of {@code *.jinja} to which {@code tools/golden/chat.py DIR} has added what
 * transformers makes of them.
 */
final class RealChatTemplatesTest {

  @Test
  void realTemplatesRenderAsInTransformers() throws IOException {
    String directory = System.getProperty("lora4j.templates", "");
    if (directory.isEmpty()) {
      System.out.println("skipped: needs chat templates of models, give -Dlora4j.templates=DIR");
    }
    Assumptions.assumeFalse(directory.isEmpty(), "needs -Dlora4j.templates=DIR");
    ChatCases cases = new ChatCases(Path.of(directory));

    List<String> differences = new ArrayList<>();
    for (String template : cases.templates()) {
      differences.addAll(cases.differences(template));
    }

    assertThat(cases.templates()).hasSizeGreaterThanOrEqualTo(8);
    assertThat(differences).isEmpty();
  }
}
