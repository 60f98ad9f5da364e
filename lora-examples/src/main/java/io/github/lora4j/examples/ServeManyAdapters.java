package io.github.lora4j.examples;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.GenerationRequest;
import io.github.lora4j.djl.generate.GenerationScheduler;
import io.github.lora4j.djl.generate.TextGenerator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Answers many clients at once in one process, each request under an adapter of its own, with a
 * thread for each client and with a scheduler that batches them.
 *
 * @since 0.1.0
 */
@Command(
    name = "ServeManyAdapters",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description =
        "Answers many clients at once on one base with many adapters, and prints latency,"
            + " throughput and memory.")
public final class ServeManyAdapters implements Callable<Integer> {

  private final Page page;

  @Mixin private final BaseOptions base = new BaseOptions();
  @Mixin private final LoraOptions lora = new LoraOptions();

  @Parameters(
      paramLabel = "ADAPTERS",
      arity = "0..*",
      description =
          "Directories of adapters. Default: random ones, which all answer differently, and on the"
              + " embedded base the mail adapter.")
  private List<Path> directories = List.of();

  @Option(
      names = "--random",
      paramLabel = "N",
      defaultValue = "32",
      description = "Random adapters to make where none are given. Default: ${DEFAULT-VALUE}.")
  private int random;

  @Option(
      names = "--clients",
      paramLabel = "N",
      defaultValue = "16",
      description = "Clients that ask at once. Default: ${DEFAULT-VALUE}.")
  private int clients;

  @Option(
      names = "--requests",
      paramLabel = "N",
      defaultValue = "128",
      description = "Questions in all. Default: ${DEFAULT-VALUE}.")
  private int requests;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      defaultValue = "40",
      description = "Longest answer, tokens. Default: ${DEFAULT-VALUE}.")
  private int maxNewTokens;

  ServeManyAdapters(Page page, Interruption interruption) {
    this.page = page;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(ServeManyAdapters::new, args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (random < 1 || clients < 1 || requests < clients) {
      throw new IllegalArgumentException(
          "wanted an adapter, a client and a question for each client at least, got %d, %d and %d"
              .formatted(random, clients, requests));
    }
    page.say("Base: %s", base);
    List<PeftModel<CausalLm>> views = new ArrayList<>();
    try (CausalLm model = base.load()) {
      try {
        GenerationOptions few = GenerationOptions.builder().maxNewTokens(2).build();
        TextGenerator.of(model).generate(question(0), few); // the engine's own memory first
        String before = NativeMemory.resident();
        open(model, views);
        long bytes = views.stream().mapToLong(PeftModel::nativeBytes).sum();
        page.say("adapters                   %,d, %,d bytes", views.size(), bytes);
        page.say("process without, with them %s, %s", before, NativeMemory.resident());
        page.blank();
        serve(model, views);
      } finally {
        views.forEach(PeftModel::close);
      }
    }
    return 0;
  }

  private void open(CausalLm model, List<PeftModel<CausalLm>> views) throws IOException {
    for (Path directory : directories) {
      views.add(PeftModel.fromPretrained(model, directory));
    }
    if (directories.isEmpty() && base.embedded()) {
      views.add(PeftModel.fromPretrained(model, EmbeddedFiles.MAIL_ADAPTER.directory()));
    }
    LoraConfig config = lora.config(base.defaults(), LoraInit.RANDOM);
    for (int i = 0; directories.isEmpty() && i < random; i++) {
      Path directory = Files.createTempDirectory("adapter");
      try (PeftModel<CausalLm> made = PeftModel.wrap(model, config, i)) {
        made.save(directory);
        views.add(PeftModel.fromPretrained(model, directory)); // without room for gradients
      } finally {
        delete(directory);
      }
    }
  }

  private static void delete(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  private void serve(CausalLm model, List<PeftModel<CausalLm>> views)
      throws IOException, InterruptedException {
    GenerationOptions options = GenerationOptions.builder().maxNewTokens(maxNewTokens).build();
    List<GenerationRequest> asked =
        IntStream.range(0, requests)
            .mapToObj(i -> GenerationRequest.of(question(i)).adapter(views.get(i % views.size())))
            .toList();
    TextGenerator generator = TextGenerator.of(model);
    generator.generate(asked.subList(0, clients), options); // nobody is to pay for the first use

    page.say("%-24s %9s %9s %9s %9s", "", "p50 ms", "p95 ms", "texts/s", "tokens/s");
    ClosedLoop threads =
        ClosedLoop.run(
            clients, asked, request -> generator.generate(List.of(request), options).get(0));
    show("a thread for each client", threads, model);
    ClosedLoop batched;
    try (GenerationScheduler scheduler =
        GenerationScheduler.builder(model).maxRows(clients).queueCapacity(clients).build()) {
      batched =
          ClosedLoop.run(
              clients, asked, request -> scheduler.submit(request, options).text().join());
    }
    show("a scheduler for all", batched, model);

    long equal =
        IntStream.range(0, requests)
            .filter(i -> Objects.equals(threads.texts().get(i), batched.texts().get(i)))
            .count();
    page.blank();
    page.say("texts that are the same    %,d of %,d", equal, requests);
    page.say("process at the end         %s", NativeMemory.resident());
  }

  private static String question(int i) {
    return ThreeQuestions.ALL.get(i % ThreeQuestions.ALL.size()).prompt(PromptTemplate.SQUAD);
  }

  private void show(String how, ClosedLoop run, CausalLm model) {
    long tokens =
        run.texts().stream().mapToLong(text -> model.tokenizer().encode(text).length).sum();
    page.say(
        "%-24s %9.1f %9.1f %9.1f %9.1f",
        how,
        run.milliseconds(0.5),
        run.milliseconds(0.95),
        run.perSecond(requests),
        run.perSecond(tokens));
  }
}
