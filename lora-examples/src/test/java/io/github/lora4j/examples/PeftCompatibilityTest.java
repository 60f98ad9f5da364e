package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Keeps the table of {@code docs/reference/peft-compatibility.md} true. */
class PeftCompatibilityTest {

  private static final Path PAGE = Path.of("../docs/reference/peft-compatibility.md");
  private static final Pattern ROW =
      Pattern.compile("\\|([^|]*)\\| `(_?test_\\w+|Test\\w+)` \\|([^|]*)\\|.*");
  private static final Pattern OURS = Pattern.compile("`(\\w+Test)(?:#(\\w+))?`");
  private static final Pattern COMMENT = Pattern.compile("PEFT:(.*?)\\*/", Pattern.DOTALL);
  private static final Pattern NAME = Pattern.compile("\\b_?test_\\w+|\\bTest[A-Z]\\w+");

  private record Row(String number, String peft, List<String> ours) {}

  private static List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(PAGE)) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        List<String> ours = OURS.matcher(row.group(3)).results().map(r -> r.group()).toList();
        rows.add(new Row(row.group(1).strip(), row.group(2), ours));
      }
    }
    return rows;
  }

  /** The text of every test class, by its name. */
  private static Map<String, String> tests() throws IOException {
    Map<String, String> tests = new TreeMap<>();
    for (String module : List.of("lora-core", "lora-djl", "lora-examples")) {
      try (Stream<Path> files = Files.walk(Path.of("..", module, "src/test/java"))) {
        for (Path file : files.filter(f -> f.toString().endsWith("Test.java")).toList()) {
          tests.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
        }
      }
    }
    tests.remove(PeftCompatibilityTest.class.getSimpleName());
    return tests;
  }

  private static Set<String> namesIn(String test) {
    Set<String> names = new TreeSet<>();
    COMMENT
        .matcher(test)
        .results()
        .flatMap(comment -> NAME.matcher(comment.group(1)).results())
        .forEach(name -> names.add(name.group()));
    return names;
  }

  @Test
  void everyNameInATestStandsInTheTableBesideItsClass() throws IOException {
    Map<String, Set<String>> byName = new LinkedHashMap<>();
    for (Row row : rows()) {
      row.ours()
          .forEach(o -> byName.computeIfAbsent(row.peft(), k -> new TreeSet<>()).add(classOf(o)));
    }

    tests()
        .forEach(
            (test, text) ->
                namesIn(text)
                    .forEach(
                        name ->
                            assertThat(byName.getOrDefault(name, Set.of()))
                                .as("classes beside %s", name)
                                .contains(test)));
  }

  @Test
  void everyTestInTheTableIsThereAndNamesItsOrigin() throws IOException {
    Map<String, String> tests = tests();
    for (Row row : rows()) {
      for (String ours : row.ours()) {
        Matcher parts = OURS.matcher(ours);
        assertThat(parts.matches()).isTrue();
        String text = tests.getOrDefault(parts.group(1), "");
        assertThat(namesIn(text)).as("what %s names", parts.group(1)).contains(row.peft());
        if (parts.group(2) != null) {
          assertThat(text).as(ours).containsPattern("[>d] " + parts.group(2) + "\\(");
        }
      }
    }
  }

  @Test
  void theThirtyTestsStandInTheTable() throws IOException {
    List<String> numbers =
        rows().stream().flatMap(row -> Stream.of(row.number().split(", ", -1))).toList();

    assertThat(numbers)
        .containsAll(IntStream.rangeClosed(1, 30).mapToObj(String::valueOf).toList());
    assertThat(rows().stream().filter(row -> row.ours().isEmpty()).map(Row::peft))
        .containsExactly("_test_generate_with_mixed_adapter_batches_and_beam_search");
  }

  private static String classOf(String ours) {
    Matcher parts = OURS.matcher(ours);
    assertThat(parts.matches()).isTrue();
    return parts.group(1);
  }
}
