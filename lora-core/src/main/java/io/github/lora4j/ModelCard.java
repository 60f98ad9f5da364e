package io.github.lora4j;

import io.github.lora4j.hub.HubRepository;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The README.md of an adapter: what it is, what it stands on, how to load it. Its front matter is
 * PEFT's with a tag of our own; nothing is said that nobody said, a licence least of all.
 */
final class ModelCard {

  /** Tells our cards from those that somebody wrote. */
  static final String MARK = "\n- lora4j\n";

  /** What YAML reads as the text itself, whatever the position. */
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z/][\\w/.-]*(:[\\w/.-]+)*");

  private static final Set<String> WORDS =
      Set.of("true", "false", "yes", "no", "on", "off", "null", "y", "n");

  private ModelCard() {}

  /** The card of an adapter in a directory. */
  static String of(LoraConfig config, LoraPlan plan) {
    return of(config, plan, config.baseModel(), "this directory");
  }

  /** The card of an adapter on the hub, which refuses cards whose base is not on the hub too. */
  static String onHub(LoraConfig config, LoraPlan plan, HubRepository repository) {
    boolean known = repository.id().contains("/"); // else its owner is
    return of(
        config,
        plan,
        config.baseModel().filter(HubRepository::isId),
        known ? repository.id() : "this repository");
  }

  private static String of(
      LoraConfig config, LoraPlan plan, Optional<String> baseModel, String place) {
    StringBuilder card = new StringBuilder("---\n");
    frontMatter(config, baseModel, plan, card);
    card.append("---\n\n");
    String base = config.baseModel().orElse(plan.tree().modelClass());
    card.append("A LoRA adapter for ").append(base.replaceAll("\\s", " "));
    card.append(".\n\n| rank | alpha | dropout | pairs | parameters |\n|---|---|---|---|---|\n");
    card.append(
        String.format(
            Locale.ROOT,
            "| %d | %s | %s | %d | %d |\n",
            config.rank(),
            config.alpha(),
            config.dropout(),
            plan.pairs().size(),
            plan.parameterCount().trainable()));
    card.append("\nFrom Java, with the base in memory:\n\n```java\n");
    card.append(
        "PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, \"%s\");\n".formatted(place));
    card.append("```\n\nFrom Python:\n\n```python\n");
    card.append("model = PeftModel.from_pretrained(base, \"%s\")\n```\n".formatted(place));
    return card.toString();
  }

  private static void frontMatter(
      LoraConfig config, Optional<String> baseModel, LoraPlan plan, StringBuilder card) {
    Optional<String> base = baseModel.filter(name -> !name.isEmpty());
    Set<String> tags = new TreeSet<>(Set.of("lora", "lora4j"));
    base.ifPresent(
        name -> {
          card.append("base_model: ").append(yaml(name)).append('\n');
          tags.add("base_model:adapter:" + name);
        });
    card.append("library_name: peft\n");
    if (config.taskType().equals(Optional.of(TaskType.CAUSAL_LM))) {
      card.append("pipeline_tag: text-generation\n");
    }
    if (!plan.tree().modelType().isEmpty()) {
      tags.add("transformers"); // where a model_type comes from
    }
    card.append("tags:\n");
    tags.forEach(tag -> card.append("- ").append(yaml(tag)).append('\n'));
  }

  /** A text as YAML: plain, else in single quotes, else with escapes. */
  static String yaml(String text) {
    if (PLAIN.matcher(text).matches() && !WORDS.contains(text.toLowerCase(Locale.ROOT))) {
      return text;
    }
    if (text.chars().noneMatch(Character::isISOControl)) {
      return "'" + text.replace("'", "''") + "'";
    }
    StringBuilder escaped = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isISOControl(c) || c == '"' || c == '\\') {
        escaped.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        escaped.append(c);
      }
    }
    return escaped.append('"').toString();
  }
}
