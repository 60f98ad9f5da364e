package io.github.lora4j.examples;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.RandomAccessDataset;
import ai.djl.training.loss.Loss;
import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterInspection;
import io.github.lora4j.AdapterLease;
import io.github.lora4j.AdapterPool;
import io.github.lora4j.AdapterSource;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.PeftModel;
import io.github.lora4j.ReducedAdapter;
import io.github.lora4j.TargetModules;
import io.github.lora4j.TaskType;
import io.github.lora4j.djl.AdapterArrays;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.MatrixLibrary;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.data.ChatDataset;
import io.github.lora4j.djl.data.ChatMessage;
import io.github.lora4j.djl.data.ChatOptions;
import io.github.lora4j.djl.data.ChatTemplate;
import io.github.lora4j.djl.data.HubDataset;
import io.github.lora4j.djl.data.Labels;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.SquadMetric;
import io.github.lora4j.djl.data.TextDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.data.Truncation;
import io.github.lora4j.djl.generate.Answers;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.GenerationRequest;
import io.github.lora4j.djl.generate.GenerationScheduler;
import io.github.lora4j.djl.generate.ScheduledGeneration;
import io.github.lora4j.djl.generate.TextGenerator;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.Recompute;
import io.github.lora4j.djl.train.TrainingListener;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.djl.train.TrainingReport;
import io.github.lora4j.djl.train.TrainingStep;
import io.github.lora4j.hub.HubCommit;
import io.github.lora4j.hub.HubException;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.PushOptions;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;

/** The code blocks of the documentation, compiled; {@link SnippetsTest} compares the two. */
@SuppressWarnings({"unused", "ReturnValueIgnored", "CheckReturnValue"}) // shown, not run
final class Snippets {

  private Snippets() {}

  static void readme() throws IOException {
    try (CausalLm base =
        CausalLm.load(
            "models/bloom-560m",
            LoadOptions.builder().precision(Precision.BF16).device(Device.cpu()).build())) {
      LoraConfig config =
          LoraConfig.builder()
              .rank(8)
              .alpha(16)
              .dropout(0.05)
              .targetModules("query_key_value")
              .taskType(TaskType.CAUSAL_LM)
              .build();

      try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
        System.out.println(peft.parameterCount());
        TrainingDataset dataset =
            SquadDataset.read(Path.of("train-v2.0.json"))
                .toTraining(PromptTemplate.SQUAD, base.tokenizer());
        LoraTrainer.builder(peft)
            .options(
                TrainingOptions.builder()
                    .batchSize(4)
                    .gradientAccumulation(4)
                    .maxSteps(100)
                    .warmupSteps(100)
                    .learningRate(1e-3)
                    .seed(42)
                    .build())
            .build()
            .train(dataset);
        peft.save(Path.of("squad"));
      }

      try (PeftModel<CausalLm> qa = PeftModel.fromPretrained(base, "squad")) {
        String prompt =
            "### CONTEXT\nCheese is the best food.\n\n### QUESTION\nWhat is the best food?\n\n### ANSWER\n";
        System.out.println(
            TextGenerator.of(qa.model())
                .generate(prompt, GenerationOptions.builder().maxNewTokens(20).build()));
      }
    }
  }

  static void plan() throws IOException {
    ModuleTree tree = CausalLm.modules(Path.of("models/bloom-3b"));
    LoraPlan plan =
        LoraPlan.of(
            tree, LoraConfig.builder().rank(8).alpha(16).targetModules("query_key_value").build());
    System.out.println(tree);
    System.out.println(plan);
    System.out.println(plan.parameterCount());
  }

  static void targets() {
    LoraConfig.builder().targetModules("query_key_value", "dense");
    LoraConfig.builder()
        .targetModules(TargetModules.matching(".*\\.h\\.[0-3]\\..*query_key_value"));
    LoraConfig.builder().targetModules(TargetModules.allLinear());
    LoraConfig.builder().targetModules(TargetModules.defaultsFor("bloom"));
  }

  static void otherWaysToTrain() {
    LoraConfig.builder().rank(8).alpha(16).dora(true).build();
    LoraConfig.builder().rank(8).alpha(8).init(LoraInit.PISSA).build();
    TrainingOptions.builder().learningRate(2e-4).loraPlusRatio(16).build();
  }

  static void wholeModules() {
    LoraConfig.builder()
        .targetModules("query_key_value", "word_embeddings") // a pair beside the embedding
        .modulesToSave("ln_f", "lm_head") // whole copies, trained in fp32
        .build();
  }

  static void loadInLessMemory() throws IOException {
    CausalLm base =
        CausalLm.load("models/bloom-560m", LoadOptions.builder().precision(Precision.INT8).build());
    System.out.println(base.precision() + ", " + base.decoder().weightBytes() + " bytes");
  }

  static void sameBits() {
    LoadOptions.builder().precision(Precision.FP32).matrixLibrary(MatrixLibrary.MKL).build();
  }

  static void littleMemory() {
    TrainingOptions options =
        TrainingOptions.builder()
            .batchSize(1)
            .gradientAccumulation(16)
            .recompute(Recompute.ON)
            .maxSteps(100)
            .learningRate(1e-3)
            .build();
  }

  static void memoryBudget(LoraConfig config) throws IOException {
    LoraPlan plan = LoraPlan.of(CausalLm.modules(Path.of("models/bloom-3b")), config);
    System.out.println(plan.stepMemory(Precision.BF16.step(4, 512)));
    System.out.println(plan.stepMemory(Precision.BF16.step(4, 512).recomputed()));
    CausalLm base =
        CausalLm.load(
            "models/bloom-3b",
            LoadOptions.builder().precision(Precision.BF16).memoryBudget(8_000_000_000L).build());
  }

  static void questionsOnOnePassage(CausalLm base) {
    PeftModel<CausalLm> peft =
        PeftModel.wrap(base, LoraConfig.builder().rank(8).alpha(16).dropout(0).build());
    TrainingOptions sharing =
        TrainingOptions.builder()
            .batchSize(8)
            .gradientAccumulation(2)
            .sharePassages(true)
            .maxSteps(100)
            .learningRate(1e-3)
            .build();
  }

  static void checkpoints(
      PeftModel<CausalLm> peft, TrainingDataset dataset, TrainingDataset heldOut)
      throws IOException {
    LoraTrainer trainer =
        LoraTrainer.builder(peft)
            .options(
                TrainingOptions.builder()
                    .maxSteps(1000)
                    .evaluateEvery(100)
                    .earlyStoppingPatience(3)
                    .checkpointDirectory(Path.of("checkpoints"))
                    .checkpointEvery(100)
                    .keepCheckpoints(2)
                    .build())
            .validation(heldOut)
            .listener(
                new TrainingListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    System.out.println(
                        step.step() + " " + step.loss() + " " + step.tokensPerSecond());
                  }
                })
            .build();
    TrainingReport report = trainer.train(dataset);
  }

  static void answersOnly(CausalLm base) throws IOException {
    TrainingDataset answersOnly =
        SquadDataset.read(Path.of("train-v2.0.json"))
            .toTraining(
                PromptTemplate.SQUAD, base.tokenizer(), Labels.ANSWER_ONLY, Truncation.skip(384));
  }

  static void records(CausalLm base) throws IOException {
    TextDataset questions = TextDataset.read(Path.of("questions.csv"));
    System.out.println(questions.size() + " records with columns " + questions.columns());
    TrainingDataset answers =
        questions.toTraining(
            PromptTemplate.of("{question}\n{answer}</s>"),
            base.tokenizer(),
            Labels.ANSWER_ONLY,
            Truncation.skip(384));
    ChatDataset conversations = ChatDataset.read(Path.of("conversations.jsonl"));
    System.out.println(conversations.examples().get(0).messages());
  }

  static void push(PeftModel<CausalLm> peft, String token) throws IOException {
    HubCommit commit =
        peft.pushToHub(
            "me/squad-bloom-3b",
            HubOptions.builder().token(token).build(),
            PushOptions.builder()
                .creation(PushOptions.Creation.PRIVATE)
                .message("Train on v2 of the questions")
                .build());
    System.out.println(commit.address());
  }

  static void hubData() throws IOException {
    HubDataset data = HubDataset.of("org/questions", HubOptions.builder().build());
    System.out.println(data.files());
    TextDataset train = data.text("data/train-*.jsonl");
  }

  static void serve(CausalLm base) throws IOException {
    try (PeftModel<CausalLm> qa = PeftModel.fromPretrained(base, "adapters/squad");
        PeftModel<CausalLm> mail = PeftModel.fromPretrained(base, "adapters/mail")) {
      List<String> texts =
          TextGenerator.of(base)
              .generate(
                  List.of(
                      GenerationRequest.of("### QUESTION\n…").adapter(qa),
                      GenerationRequest.of("### PRODUCT\n…").adapter(mail),
                      GenerationRequest.of("Once upon a time")),
                  GenerationOptions.builder().maxNewTokens(50).build());
    }
  }

  static void serveManyClients(
      CausalLm base,
      PeftModel<CausalLm> qa,
      String prompt,
      GenerationOptions options,
      Consumer<String> client)
      throws ExecutionException, InterruptedException {
    try (GenerationScheduler scheduler =
        GenerationScheduler.builder(base).maxRows(16).queueCapacity(256).build()) {
      ScheduledGeneration generation = // from any thread, e.g. one a client
          scheduler.submit(
              GenerationRequest.of(prompt).adapter(qa), options, client, Duration.ofSeconds(30));
      String text = generation.text().get();
      System.out.println(scheduler.figures());
    }
  }

  static void mix(CausalLm base) throws IOException {
    try (PeftModel<CausalLm> formal = PeftModel.fromPretrained(base, "adapters/formal");
        PeftModel<CausalLm> brief = PeftModel.fromPretrained(base, "adapters/brief");
        PeftModel<CausalLm> both = PeftModel.combine(List.of(formal, brief), 0.7, 0.3)) {
      ReducedAdapter<CausalLm> small = PeftModel.reduced(both, 8);
      System.out.println(small.relativeError());
      try (PeftModel<CausalLm> view = small.view();
          CausalLm merged = view.merge()) {
        view.save(Path.of("adapters/formal-and-brief"));
        merged.save(Path.of("models/formal-and-brief"));
      }
    }
  }

  static void pool(CausalLm base) throws IOException, InterruptedException {
    AdapterSource source = AdapterSource.directory(Path.of("adapters"));
    try (AdapterPool<CausalLm> pool =
        AdapterPool.builder(base, source).byteBudget(500_000_000).build()) {
      try (AdapterLease<CausalLm> lease = pool.acquire("acme/mail")) {
        System.out.println(
            TextGenerator.of(lease.model())
                .generate("### PRODUCT\n…", GenerationOptions.builder().build()));
      }
      System.out.println(pool.snapshot());
    }
  }

  static void replace(PeftModel<CausalLm> live) throws IOException {
    live.replaceWith(Path.of("adapters/mail-v2"));
  }

  static void arrays(PeftModel<CausalLm> live) {
    try (NDManager manager = NDManager.newBaseManager()) {
      Map<String, NDArray> arrays = AdapterArrays.copy(live, manager);
      arrays.replaceAll((name, array) -> name.endsWith(".lora_B") ? array.mul(0.5) : array);
      AdapterArrays.replace(live, arrays);
    }
  }

  static void stream(CausalLm base) {
    TextGenerator.of(base)
        .generate(
            "Once upon a time",
            GenerationOptions.builder()
                .maxNewTokens(100)
                .temperature(0.8)
                .topP(0.95)
                .seed(7)
                .stopStrings("\n\n")
                .build(),
            System.out::print);
  }

  static void chat(CausalLm base) throws IOException {
    ChatTemplate template = ChatTemplate.of(Path.of("models/tinyllama-chat"));
    List<ChatMessage> talk =
        List.of(ChatMessage.system("Be short."), ChatMessage.user("What is LoRA?"));
    System.out.println(template.render(talk, ChatOptions.forAnswer()));
    int[] prompt = template.encode(talk, ChatOptions.forAnswer(), base.tokenizer());
    TextGenerator.of(base)
        .generate(
            GenerationRequest.of(prompt),
            GenerationOptions.builder().maxNewTokens(200).build(),
            System.out::print);
  }

  static void chatTools(ChatTemplate template, List<ChatMessage> talk) {
    ChatOptions options =
        ChatOptions.forAnswer()
            .tools(
                """
                [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]""")
            .with("enable_thinking", false);
    String text = template.render(talk, options);
  }

  static void trainOnChats(CausalLm base) throws IOException {
    ChatTemplate template = ChatTemplate.of(Path.of("models/tinyllama-chat"));
    TrainingDataset dataset =
        ChatDataset.read(Path.of("talks.jsonl"))
            .toTraining(
                template,
                base.tokenizer(),
                Labels.ANSWER_ONLY,
                Truncation.keepStart(1024),
                ChatOptions.plain());
  }

  static void score(PeftModel<CausalLm> peft) throws IOException {
    SquadDataset questions = SquadDataset.read(Path.of("dev-v2.0.json"));
    Map<String, String> answers =
        Answers.squad(
            peft.model(),
            questions,
            PromptTemplate.SQUAD,
            GenerationOptions.builder().maxNewTokens(24).build());
    System.out.println(SquadMetric.score(questions, answers));
  }

  static void pickled(CausalLm base) throws IOException {
    Path directory = Path.of("adapters/of-2023");
    System.out.println(AdapterInspection.of(AdapterFiles.in(directory)));
    PeftModel<CausalLm> old = PeftModel.fromPretrained(base, directory);
  }

  static void further(CausalLm base) throws IOException {
    PeftModel<CausalLm> more = PeftModel.fromPretrained(base, Path.of("adapters/squad"), true);
  }

  static void fromHub() throws IOException {
    HubOptions hub = HubOptions.builder().revision("main").progress(System.out::println).build();
    CausalLm base = CausalLm.load("bigscience/bloom-560m", LoadOptions.builder().hub(hub).build());
    PeftModel<CausalLm> qa = PeftModel.fromPretrained(base, "me/squad-bloom-560m");
    AdapterSource ours =
        AdapterSource.hub(HubOptions.builder().token(System.getenv("TEAM_TOKEN")).build());
  }

  static void hubFailures(CausalLm base) throws IOException {
    try {
      PeftModel.fromPretrained(base, "me/squad-bloom-560m");
    } catch (HubException e) {
      switch (e.kind()) {
        case OFFLINE, UNAVAILABLE, RATE_LIMITED -> System.err.println("later: " + e.getMessage());
        case GATED, UNAUTHORISED, FORBIDDEN -> System.err.println("ask: " + e.getMessage());
        default -> throw e;
      }
    }
  }

  static void anyBlock(Model model, Block block, RandomAccessDataset dataset) throws Exception {
    LoraConfig config =
        LoraConfig.builder()
            .rank(8)
            .alpha(16)
            .dropout(0)
            .targetModules("queryProjection", "valueProjection")
            .build();
    PeftModel<Block> peft = PeftModel.wrap(block, config);
    model.setBlock(peft.model());
    try (Trainer trainer =
        model.newTrainer(new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss()))) {
      trainer.initialize(block.getInputShapes());
      EasyTrain.fit(trainer, 3, dataset, null);
    }
    peft.save(Path.of("adapters/mine"));
    PeftModel<Block> another = PeftModel.fromPretrained(block, "adapters/mine");
  }

  static void fromTheHub() throws IOException {
    CausalLm base = CausalLm.load("bigscience/bloom-560m");
    PeftModel<CausalLm> qa = PeftModel.fromPretrained(base, "me/squad-bloom-560m");
    qa.close();
    base.close();
  }
}
