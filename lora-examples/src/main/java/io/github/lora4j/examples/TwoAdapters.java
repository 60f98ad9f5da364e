package io.github.lora4j.examples;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.GenerationRequest;
import io.github.lora4j.djl.generate.TextGenerator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Two adapters on one base: in turn, and in one batch.
 *
 * @param page where to print
 * @param base shared by both
 */
record TwoAdapters(Page page, CausalLm base) {

  private static final String QUESTION = ThreeQuestions.ALL.get(0).prompt(PromptTemplate.SQUAD);

  private static final String MAIL =
      MailTask.prompt("Lumina Lamp", "A small lamp of glass for the garden.");

  private static final GenerationOptions OPTIONS =
      GenerationOptions.builder().maxNewTokens(ExampleDefaults.MAIL_TOKENS).build();

  void show(PeftModel<CausalLm> qa, Path mailDirectory) throws IOException {
    page.section(
        "Two adapters on one base",
        "A second adapter writes an advertisement from the name of a product and its description."
            + " The base is shared; each adapter is a view of it.");
    String resident = NativeMemory.resident();
    try (PeftModel<CausalLm> mail = PeftModel.fromPretrained(base, mailDirectory)) {
      page.say("In turn:");
      answer("the mail adapter", TextGenerator.of(mail.model()).generate(MAIL, OPTIONS));
      answer("the question adapter", TextGenerator.of(qa.model()).generate(QUESTION, OPTIONS));

      page.say("In one batch, every row with its own adapter, the last with none:");
      List<String> rows =
          TextGenerator.of(base)
              .generate(
                  List.of(
                      GenerationRequest.of(QUESTION).adapter(qa),
                      GenerationRequest.of(MAIL).adapter(mail),
                      GenerationRequest.of(QUESTION)),
                  OPTIONS);
      answer("the question adapter", rows.get(0));
      answer("the mail adapter", rows.get(1));
      answer("the base", rows.get(2));

      page.say("memory of the question adapter  %,d bytes", qa.nativeBytes());
      page.say("memory of the mail adapter      %,d bytes", mail.nativeBytes());
      page.say("process before the second one   %s", resident);
      page.say("process with both               %s", NativeMemory.resident());
    }
  }

  private void answer(String who, String text) {
    page.say("  %s:", who);
    text.strip().lines().forEach(line -> page.say("    | %s", line));
    page.blank();
  }
}
