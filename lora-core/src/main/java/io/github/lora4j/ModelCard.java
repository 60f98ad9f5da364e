package io.github.lora4j;

/** The README.md of an adapter: what it is, what it stands on, how to load it. */
final class ModelCard {

  private ModelCard() {}

  static String of(LoraConfig config, LoraPlan plan) {
    String base = config.baseModel().orElse("");
    StringBuilder card = new StringBuilder("---\n");
    if (!base.isEmpty()) {
      card.append("base_model: ").append(base).append('\n');
    }
    card.append("library_name: peft\n");
    config
        .taskType()
        .filter(task -> task == TaskType.CAUSAL_LM)
        .ifPresent(task -> card.append("pipeline_tag: text-generation\n"));
    card.append("tags:\n");
    if (!base.isEmpty()) {
      card.append("- base_model:adapter:").append(base).append('\n');
    }
    card.append("- lora\n- lora4j\n---\n\n");
    card.append("A LoRA adapter for ").append(base.isEmpty() ? plan.tree().modelClass() : base);
    card.append(".\n\n| rank | alpha | dropout | pairs | parameters |\n|---|---|---|---|---|\n");
    card.append(
        "| %d | %s | %s | %d | %d |%n"
            .formatted(
                config.rank(),
                config.alpha(),
                config.dropout(),
                plan.pairs().size(),
                plan.parameterCount().trainable())
            .replace(System.lineSeparator(), "\n"));
    card.append("\nFrom Java, with the base in memory:\n\n```java\n");
    card.append("PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, \"this directory\");\n");
    card.append("```\n\nFrom Python:\n\n```python\n");
    card.append("model = PeftModel.from_pretrained(base, \"this directory\")\n```\n");
    return card.toString();
  }
}
