package io.github.lora4j.examples;

import ai.djl.Model;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import ai.djl.translate.TranslateException;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Teaches a frozen block of Deep Java Library a second task with an adapter, by DJL's own trainer.
 *
 * @since 0.1.0
 */
@Command(
    name = "TuneDjlBlock",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Teaches a frozen DJL block a second task with an adapter, by DJL's own trainer.")
public final class TuneDjlBlock implements Callable<Integer> {

  private final Page page;

  @Option(names = "--rank", paramLabel = "R", description = "Rank of the low-rank pairs.")
  private int rank = 2;

  @Option(names = "--epochs", paramLabel = "N", description = "Passes over the points of a task.")
  private int epochs = 30;

  @Option(names = "--save", paramLabel = "DIR", description = "Where to save the adapter.")
  private @Nullable Path save;

  TuneDjlBlock(Page page, Interruption interruption) {
    this.page = page;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(TuneDjlBlock::new, args));
  }

  @Override
  public Integer call() throws IOException, TranslateException {
    try (Model model = Model.newInstance("plane")) {
      model.getNDManager().getEngine().setRandomSeed(42);
      PlaneTask quadrants = new PlaneTask((x, y) -> x * y > 0);
      PlaneTask diagonals = new PlaneTask((x, y) -> Math.abs(x) > Math.abs(y));

      Block base = perceptron();
      model.setBlock(base);
      fit(model, quadrants);
      say("the base", model, quadrants, diagonals);

      LoraConfig config =
          LoraConfig.builder()
              .rank(rank)
              .alpha(4 * rank)
              .dropout(0)
              .targetModules(TargetModules.allLinear())
              .build();
      try (PeftModel<Block> peft = PeftModel.wrap(base, config)) {
        page.say(peft.plan().toString());
        model.setBlock(peft.model());
        fit(model, diagonals);
        say("with the adapter", model, quadrants, diagonals);
        if (save != null) {
          peft.save(save);
        }
      }
      model.setBlock(base);
      say("the base again", model, quadrants, diagonals);
    }
    return 0;
  }

  private static Block perceptron() {
    return new SequentialBlock()
        .add(Linear.builder().setUnits(32).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(32).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(2).build());
  }

  private void fit(Model model, PlaneTask task) throws IOException, TranslateException {
    DefaultTrainingConfig config =
        new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
            .optOptimizer(Optimizer.adam().optLearningRateTracker(Tracker.fixed(0.01f)).build());
    try (Trainer trainer = model.newTrainer(config)) {
      trainer.initialize(PlaneTask.INPUT);
      EasyTrain.fit(trainer, epochs, task.dataset(trainer.getManager()), null);
    }
  }

  private void say(String what, Model model, PlaneTask first, PlaneTask second)
      throws TranslateException {
    page.say(
        "%-18s quadrants %5.1f %%   diagonals %5.1f %%",
        what + ":", 100 * first.accuracy(model), 100 * second.accuracy(model));
  }
}
