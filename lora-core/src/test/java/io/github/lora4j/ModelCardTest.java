package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelCardTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "bloom ¦ bigscience/bloom-560m ¦ true",
        "no-task ¦ bigscience/bloom-560m ¦ false",
        "odd-name ¦ \"models/it's: a #1\" ¦ true"
      },
      quoteCharacter = '"')
  void frontMatterIsThatOfPeftAndOurTag(String golden, String base, boolean causal)
      throws IOException {
    LoraConfig.Builder config = LoraConfig.builder().baseModel(base);
    if (causal) {
      config.taskType(TaskType.CAUSAL_LM);
    }

    String card = card(config);

    assertThat(card.replace("- lora4j\n", ""))
        .startsWith(Files.readString(Golden.path("cards/" + golden + ".yaml")));
    assertThat(card).contains(ModelCard.MARK);
  }

  @Test
  void nothingIsSaidThatNobodySaid() {
    String card = card(LoraConfig.builder());

    assertThat(card)
        .startsWith("---\nlibrary_name: peft\ntags:\n- lora\n- lora4j\n- transformers\n---\n")
        .doesNotContainIgnoringCase("license", "language", "dataset", "base_model");
  }

  @Test
  void bodySaysWhatTheAdapterIs() {
    assertThat(card(LoraConfig.builder().rank(8).alpha(16).dropout(0.05).baseModel("a/b")))
        .contains("A LoRA adapter for a/b.")
        .contains("| 8 | 16.0 | 0.05 | 24 | 786432 |\n")
        .contains("PeftModel.fromPretrained(base, \"this directory\")")
        .endsWith("```\n");
  }

  @Test
  void nameCannotBreakOutOfTheFrontMatter() {
    String card = card(LoraConfig.builder().baseModel("a\n---\nlicense: mit"));

    assertThat(card).startsWith("---\nbase_model: \"a\\u000a---\\u000alicense: mit\"\n");
    assertThat(card.lines()).doesNotContain("license: mit");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      quoteCharacter = '`',
      value = {
        "bigscience/bloom-3b ¦ bigscience/bloom-3b",
        "/models/bloom ¦ /models/bloom",
        "base_model:adapter:a/b ¦ base_model:adapter:a/b",
        "true ¦ 'true'",
        "123 ¦ '123'",
        "1e5 ¦ '1e5'",
        "- a ¦ '- a'",
        "a: b ¦ 'a: b'",
        "a: ¦ 'a:'",
        "it's ¦ 'it''s'"
      })
  void textsAreQuotedWhereYamlWouldReadThemOtherwise(String text, String yaml) {
    assertThat(ModelCard.yaml(text)).isEqualTo(yaml);
  }

  private static String card(LoraConfig.Builder config) {
    LoraPlan plan = LoraPlan.of(BloomShapes.bloom560m(), config.build());
    return ModelCard.of(plan.config(), plan);
  }
}
