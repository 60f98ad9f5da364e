package io.github.lora4j.djl;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Trains an adapter on a model of every family and merges it, for {@code
 * tools/golden/check_java_families.py}, which loads both in PEFT and transformers. No part of the
 * build: run it by name, with the property {@code lora4j.export}.
 */
final class JavaFamilyExport {

  private final Path target = Path.of(System.getProperty("lora4j.export", "target/java-families"));

  static List<String> names() throws IOException {
    return FamilyGolden.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void writesAdaptersAndMergedModels(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    Path directory = Files.createDirectories(target.resolve(name));
    LoraConfig config =
        LoraConfig.builder().rank(3).targetModules(TargetModules.allLinear()).build();
    try (CausalLm base = golden.load(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
      LoraTrainer.builder(peft)
          .options(TrainingOptions.builder().batchSize(4).maxSteps(5).learningRate(1e-2).build())
          .build()
          .train(TrainingDataset.of(golden.curveExamples()));
      peft.save(directory.resolve("adapter"));
      try (CausalLm merged = peft.merge()) {
        merged.save(directory.resolve("model"));
      }
      JsonObject written = new JsonObject();
      Gson gson = new Gson();
      written.addProperty("checkpoint", golden.checkpoint().toAbsolutePath().toString());
      written.add("rows", gson.toJsonTree(golden.rows()));
      written.add("logits", gson.toJsonTree(peft.model().logits(golden.rows())));
      Files.writeString(directory.resolve("case.json"), gson.toJson(written));
    }
  }
}
