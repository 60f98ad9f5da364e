package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PythonRegexTest {

  @Test
  void fullMatchIsThatOfPython() throws IOException {
    int compared = 0;
    for (JsonElement element : Golden.json("matching/regexes.json").getAsJsonArray()) {
      JsonArray row = element.getAsJsonArray();
      Optional<PythonRegex> regex = compile(row.get(0).getAsString());
      if (row.get(2).isJsonNull()) {
        assertThat(regex).as("Python refuses %s", row).isEmpty();
      } else {
        assertThat(regex).as("Python takes %s", row).isPresent();
        boolean matches = regex.orElseThrow().matches(row.get(1).getAsString());
        assertThat(matches).as("%s", row).isEqualTo(row.get(2).getAsBoolean());
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(1000);
  }

  private static Optional<PythonRegex> compile(String regex) {
    try {
      return Optional.of(PythonRegex.of(regex));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "(?P<layer_index>\\d+)\\.q ¦ 12.q ¦ true",
        "(?i)Q_PROJ ¦ q_proj ¦ true",
        "(?i:Q)_proj ¦ q_proj ¦ true",
        "(?i:Q)_PROJ ¦ q_proj ¦ false",
        "\\w+ ¦ größe ¦ true",
        "\\d ¦ ٣ ¦ true",
        "[a&&b]+ ¦ a&b ¦ true",
        "[[a]+ ¦ [a ¦ true",
        "a\\Z ¦ a ¦ true",
        "x{,2} ¦ xx ¦ true",
        "x{,2} ¦ xxx ¦ false",
        "x{a} ¦ x{a} ¦ true",
        "\\x61\\u0062 ¦ ab ¦ true",
        "(?>a+)b ¦ aab ¦ true",
        ".*(?=b)b ¦ aab ¦ true",
        "a(?![^b]).* ¦ a ¦ true",
        "a(?!.).* ¦ a ¦ true",
        "a(?=\\W).* ¦ a ¦ false"
      })
  void dialectIsThatOfPython(String regex, String text, boolean matches) {
    assertThat(PythonRegex.of(regex).matches(text)).isEqualTo(matches);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "( ¦ a group is not closed",
        ") ¦ a group is closed that is not open",
        "[a ¦ a character class is not closed",
        "*a ¦ '*' repeats nothing",
        "a|{2} ¦ '{2}' repeats nothing",
        "a\\ ¦ it ends in a backslash",
        "\\Qa\\E ¦ '\\Q' is not supported",
        "\\p{L} ¦ '\\p' is not supported",
        "(a)\\1 ¦ '\\1' is not supported",
        "(?P<a>b)(?P=a) ¦ a group begins with '(?P='",
        "(?<a>b) ¦ a group begins with '(?<a'",
        "(?P<1>b) ¦ a group has no name",
        "(a)(?(1)b|c) ¦ a group begins with '(?(1'",
        "a(?i) ¦ flags stand behind the start",
        "(?x)a ¦ flag 'x' is not supported"
      })
  void whatIsNotSupportedIsRefusedWithTheReason(String regex, String reason) {
    assertThatThrownBy(() -> PythonRegex.of(regex))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(reason);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(.*)*(.*)*(.*)*(.*)*(.*)*x",
        ".*.*.*.*.*.*.*.*.*x",
        "(|||||)(|||||)(|||||)(|||||)(|||||)(|||||)(|||||)(|||||)(|||||)(|||||)(|||||)(|||||)(?!).*",
        "(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)"
            + "(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?:a?|b?|)(?!).*"
      })
  void hostileExpressionEndsInAnException(String regex) {
    PythonRegex hostile = PythonRegex.of(regex);

    assertThatThrownBy(() -> hostile.matches("transformer.h.11.self_attention.query_key_value"))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("takes more than 1,000,000 steps on 'transformer.h.11")
        .hasMessageContaining("list names");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(a|a|a|aa)*$x",
        ".*(|||||){30}^x",
        ".*(|||||){30}(?!)",
        "(.|.|.)*x",
        "(\\w*\\.?)+\\d{9}x"
      })
  void hostileExpressionThatJavaSeesThroughMatchesNothing(String regex) {
    assertThat(PythonRegex.of(regex).matches("transformer.h.11.self_attention.query_key_value"))
        .isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "30000, a, at most 20000",
    "100, (, nest more than",
    "5000, a?, too deep",
    "3000, ., too deep"
  })
  void oversizedExpressionIsRefused(int times, String piece, String reason) {
    assertThatThrownBy(() -> PythonRegex.of(piece.repeat(times)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(reason);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "((a{9999}){9999}){9999}",
        "(a?b?c?){9999}",
        "((a*)*)*x",
        "a{99999999999}",
        "(?:a?b?c?d?e?f?g?h?i?j?k?l?m?n?o?p?q?r?s?t?u?v?w?x?y?z?0?1?2?3?4?5?6?7?8?9?[^-])*"
      })
  void expressionThatCouldRecurseWithoutEndIsRefused(String regex) {
    assertThatThrownBy(() -> PythonRegex.of(regex)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void expressionAtTheLimitsNeedsLittleStack() throws InterruptedException {
    String regex = "(?:a?b?c?d?e?f?g?h?i?j?k?l?m?n?o?p?q?r?s?t?[^-])*" + "x?".repeat(400);
    boolean[] matched = new boolean[1];
    Thread small =
        new Thread(
            null,
            () -> matched[0] = PythonRegex.of(regex).matches("layer.".repeat(10)),
            "small stack",
            512 * 1024);

    small.start();
    small.join();

    assertThat(matched[0]).isTrue();
  }

  @Test
  void realExpressionsOfLargeModelsStayWithinTheBound() {
    String regex =
        "(?:.*?(?:vision|image|visual|patch|language|text).*?(?:self_attn|attention|attn|mlp|ffn|dense)"
            + ".*?(?:k_proj|v_proj|q_proj|out_proj|fc1|fc2|o_proj|gate_proj|up_proj|down_proj|proj).*?)"
            + "|(?:\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|attention|attn|mlp|ffn|dense)"
            + "\\.(?:(?:k_proj|v_proj|q_proj|out_proj|o_proj|gate_proj|up_proj|down_proj|proj)))";
    PythonRegex unsloth = PythonRegex.of(regex);

    assertThat(unsloth.matches("model.layers.27.self_attn.q_proj")).isTrue();
    assertThat(unsloth.matches("model.visual.blocks.31.attn.qkv_and_a_long_rest".repeat(4)))
        .isFalse();
  }

  @Test
  void layerNumberIsCapturedAndHugeOnesFitNoLayer() {
    PythonRegex layers = PythonRegex.ofLayers("(h|layers)");

    assertThat(layers.number("transformer.h.12.attn")).isEqualTo(OptionalInt.of(12));
    assertThat(layers.number("layers.007.attn")).isEqualTo(OptionalInt.of(7));
    assertThat(layers.number("h.99999999999999.attn")).isEqualTo(OptionalInt.of(Integer.MAX_VALUE));
    assertThat(layers.number("blocks.1.attn")).isEmpty();
  }
}
