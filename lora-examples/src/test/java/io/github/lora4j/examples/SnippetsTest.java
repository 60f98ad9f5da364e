package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every Java block of the documentation stands in {@link Snippets}, which the compiler reads. */
class SnippetsTest {

  private static final Path ROOT = Path.of(System.getProperty("lora4j.root"));
  private static final Path SOURCE =
      Path.of("lora-examples/src/test/java/io/github/lora4j/examples/Snippets.java");
  private static final List<String> PAGES = List.of("README.md", "docs/how-to.md");
  private static final String FAMILIES = "docs/how-to/add-a-model-family.md";
  private static final Path FAMILY =
      Path.of("lora-djl/src/main/java/io/github/lora4j/djl/model/phi");
  private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  @TestFactory
  List<DynamicTest> everyBlockIsCompiled() throws IOException {
    String compiled = squeezed(Files.readString(ROOT.resolve(SOURCE)));
    List<DynamicTest> tests = new ArrayList<>();
    for (String page : PAGES) {
      Matcher blocks = BLOCK.matcher(Files.readString(ROOT.resolve(page)));
      while (blocks.find()) {
        String block = blocks.group(1);
        String name = page + ": " + block.lines().findFirst().orElse("");
        tests.add(
            DynamicTest.dynamicTest(name, () -> assertThat(compiled).contains(squeezed(block))));
      }
    }
    assertThat(tests).hasSizeGreaterThan(PAGES.size());
    return tests;
  }

  /** The page's example is the family that was added by it. */
  @Test
  void everyBlockOnFamiliesStandsInTheExample() throws IOException {
    StringBuilder code = new StringBuilder();
    try (Stream<Path> files = Files.list(ROOT.resolve(FAMILY))) {
      for (Path file : files.sorted().toList()) {
        code.append(squeezed(Files.readString(file)));
      }
    }
    Matcher blocks = BLOCK.matcher(Files.readString(ROOT.resolve(FAMILIES)));
    int count = 0;
    while (blocks.find()) {
      assertThat(code).contains(squeezed(blocks.group(1)));
      count++;
    }
    assertThat(count).isPositive();
  }

  /** Without white space and the joints of strings: the formatter breaks lines as it likes. */
  private static String squeezed(String code) {
    return code.replaceAll("\\s+", "").replace("\"+\"", "");
  }
}
