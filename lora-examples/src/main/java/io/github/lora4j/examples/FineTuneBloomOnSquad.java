package io.github.lora4j.examples;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.PeftModel;
import io.github.lora4j.StepMemory;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.data.Labels;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.SquadExample;
import io.github.lora4j.djl.data.SquadScores;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.data.Truncation;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.djl.train.TrainingReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The whole road once: load a base, a BLOOM unless another is given, look at it, choose targets,
 * wrap, count, train on SQuAD, save, load again, ask, and set a second adapter beside the first.
 *
 * @since 0.1.0
 */
@Command(
    name = "FineTuneBloomOnSquad",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    description = {
      "Fine-tunes a language model on SQuAD questions with LoRA and shows every step of it.",
      "Without options it takes a tiny BLOOM and questions that it carries: three minutes on two cores."
    },
    footerHeading = "%nExamples%n",
    footer = {
      "  the embedded model:          FineTuneBloomOnSquad",
      "  a first look, 20 steps:      FineTuneBloomOnSquad --steps 20",
      "  your model and questions:    FineTuneBloomOnSquad --model DIR --data FILE",
      "  other targets:               ... --targets all-linear",
      "  half the memory:             ... --precision bf16",
      "  after Ctrl-C:                the same command with --resume",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong option, 130 stopped by Ctrl-C."
    })
public final class FineTuneBloomOnSquad implements Callable<Integer> {

  private final Page page;
  private final Interruption interruption;

  @Spec private CommandSpec command = CommandSpec.create();

  @Mixin private final BaseOptions base = new BaseOptions();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "Questions in the layout of SQuAD v1.1 or v2.0; some of its articles are held out to"
              + " evaluate on. Default: the questions inside.")
  private @Nullable Path data;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Adapter, picture, log and checkpoints go here. Default: out/squad-bloom; for another base"
              + " out/squad- and the name of its directory.")
  private @Nullable Path given;

  @Option(names = "--resume", description = "Take up the run that was interrupted in --output.")
  private boolean resume;

  @Option(
      names = "--evaluate",
      paramLabel = "N",
      description =
          "Held-out questions to ask before and after, 0 for all. Default:"
              + " ${bundle:default.evaluate}.")
  private @Nullable Integer evaluate;

  @Option(
      names = "--mail-adapter",
      paramLabel = "DIR",
      description =
          "The second adapter, made by TrainMailAdapter. Default: the one inside for the embedded"
              + " model; for another base one is trained, briefly.")
  private @Nullable Path mailAdapter;

  @Mixin private final TuningOptions tuning = new TuningOptions();

  private Path output = Path.of(""); // the one given, or by the name of the base

  FineTuneBloomOnSquad(Page page, Interruption interruption) {
    this.page = page;
    this.interruption = interruption;
  }

  /**
   * Runs the walkthrough.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(FineTuneBloomOnSquad::new, args));
  }

  @Override
  public Integer call() throws IOException {
    tuning.check(base.defaults());
    output = given == null ? Path.of("out", "squad-" + base.shortName()) : given;
    TrainingRun run = new TrainingRun(output, resume, interruption, page);
    run.check();
    SquadSplit questions = questions();
    try (CausalLm model = base.load()) {
      walk(model, questions, run);
    }
    return 0;
  }

  private SquadSplit questions() throws IOException {
    int count = evaluate == null ? base.defaults().evaluate() : evaluate;
    if (count < 0) {
      throw new ParameterException(
          command.commandLine(), "--evaluate must be at least 0, got " + count);
    }
    return data == null
        ? SquadSplit.embedded(count, tuning.seed())
        : SquadSplit.of(data, count, tuning.seed());
  }

  private void walk(CausalLm model, SquadSplit questions, TrainingRun run) throws IOException {
    page.section(
        "The base model",
        "It is " + base + ". Its modules, with the names that they have in the checkpoint:");
    page.say(model.tree());

    page.section(
        "The plan",
        "Beside each chosen linear map comes a pair of small matrices, A and B, that learn in its"
            + " stead. Which maps are customary differs between families; --targets names others:");
    LoraConfig config = tuning.lora(base.defaults());
    page.say(LoraPlan.of(model, config).toString());

    page.section(
        "Before training",
        "The base has learnt language, but not how these questions want to be answered.");
    SquadScores before = examine(model, questions.heldOut());

    Path adapter;
    try (PeftModel<CausalLm> peft = PeftModel.wrap(model, config, tuning.seed())) {
      train(peft, questions.train(), run);
      page.section("Save", "The adapter is all that was learnt; the base is as it was.");
      adapter = run.save(peft);
      page.say("%s: %,d bytes", adapter, bytes(adapter));
    }

    page.section("Load", "The trained view is gone. The adapter comes back from its files:");
    long start = System.nanoTime();
    try (PeftModel<CausalLm> qa = PeftModel.fromPretrained(model, adapter)) {
      page.say("loaded in %.1f ms", (System.nanoTime() - start) / 1e6);

      page.section("After training", "The same questions, the same base, now with the adapter.");
      SquadScores after = examine(qa.model(), questions.heldOut());
      page.say(
          "exact match %.1f %% -> %.1f %%, F1 %.1f %% -> %.1f %%",
          before.exact(), after.exact(), before.f1(), after.f1());

      new TwoAdapters(page, model).show(qa, mailAdapter(model, run));
    }

    run.done();
    page.section("Where things are", "Under " + output.toAbsolutePath().normalize() + ":");
    page.say("adapter       %s  (PEFT reads it too)", output.relativize(adapter));
    page.say("loss curve    %s", output.relativize(picture()));
    page.say("training log  %s", output.relativize(run.log()));
  }

  /** Asks the three questions, then scores the answers to the held-out ones. */
  private SquadScores examine(CausalLm model, SquadDataset heldOut) {
    Examiner examiner = new Examiner(model, base.defaults().answerTokens());
    List<String> answers = examiner.answers(ThreeQuestions.ALL);
    String context = "";
    for (int i = 0; i < answers.size(); i++) {
      SquadExample question = ThreeQuestions.ALL.get(i);
      if (!question.context().equals(context)) {
        context = question.context();
        page.passage(context);
      }
      page.say("  Q: %s", question.question());
      page.say("  A: %s", Page.quoted(answers.get(i).strip()));
      page.blank();
    }
    SquadScores scores = examiner.score(heldOut);
    page.say("On passages that it is not trained on (EM: right to the word; F1: shared words):");
    page.say(scores.toString());
    return scores;
  }

  private void train(PeftModel<CausalLm> peft, SquadDataset questions, TrainingRun run)
      throws IOException {
    page.section("Train", "The base is frozen; only the pairs learn, from questions with answers.");
    page.say(peft.parameterCount().toString());
    int limit = tuning.maxTokens(base.defaults());
    TrainingDataset dataset =
        questions.toTraining(
            Ending.of(PromptTemplate.SQUAD, peft.model().tokenizer()),
            peft.model().tokenizer(),
            Labels.ALL_TOKENS,
            Truncation.skip(limit));
    page.say(
        "%,d questions, %,d left out for being longer than %d tokens",
        dataset.size(), questions.size() - dataset.size(), limit);
    TrainingOptions options = tuning.training(base.defaults(), tuning.steps(), run.checkpoints());
    page.say("memory of a step, at most: %s", memory(peft, options.batchSize(), limit));
    TrainingReport report = run.train(peft, options, dataset);
    String title = "Fine-tuning %s on SQuAD with LoRA".formatted(base.title());
    LossChart.write(picture(), title, report.steps());
    page.say(
        "loss %.3f at the first step, %.3f at the last; the curve: %s",
        report.steps().get(0).loss(),
        report.steps().get(report.steps().size() - 1).loss(),
        picture());
    if (!LossChart.fonts()) {
      page.say("Java finds no fonts on this machine, so the curve has no labels.");
    }
  }

  /** With every layer kept; where that is too much, lower ones are computed again. */
  private static StepMemory memory(PeftModel<CausalLm> peft, int questions, int length) {
    LoadOptions loaded = peft.model().options();
    long tokens = (long) questions * length;
    return peft.plan().stepMemory(loaded.precision().step(tokens, tokens, loaded.device()));
  }

  private Path picture() {
    return output.resolve("loss.png");
  }

  private static long bytes(Path adapter) throws IOException {
    return Files.size(adapter.resolve("adapter_model.safetensors"));
  }

  private Path mailAdapter(CausalLm model, TrainingRun run) throws IOException {
    if (mailAdapter != null) {
      return mailAdapter;
    }
    if (base.embedded()) {
      return EmbeddedFiles.MAIL_ADAPTER.directory();
    }
    int steps = Math.min(tuning.steps(), ExampleDefaults.MAIL_STEPS);
    page.section(
        "A second task",
        "This base has no mail adapter yet, so one is trained for %d steps. TrainMailAdapter makes"
                .formatted(steps)
            + " a better one, which --mail-adapter takes.");
    return MailTask.train(
        model, tuning, base.defaults(), run.second("mail"), MailTask.embeddedRecords(), steps);
  }
}
