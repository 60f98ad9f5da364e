package io.github.lora4j;

import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/** Adapters of a small base in the sub-directories of a root, each with values of its own. */
final class SavedAdapters {

  static final String CONFIG = "adapter_config.json";
  static final String WEIGHTS = "adapter_model.safetensors";

  private final FloatMlp base;
  final Path root;

  SavedAdapters(FloatMlp base, Path root) {
    this.base = base;
    this.root = root;
  }

  /** Saves an adapter of a rank, alpha being twice that, whose values its name decides. */
  SavedAdapters with(String name, int rank, String... targets) throws IOException {
    LoraConfig config =
        LoraConfig.builder()
            .rank(rank)
            .alpha(2 * rank)
            .init(LoraInit.RANDOM)
            .targetModules(targets)
            .build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config, name.hashCode())) {
      peft.save(root.resolve(name));
    }
    return this;
  }

  Path weights(String name) {
    return root.resolve(name).resolve(WEIGHTS);
  }

  AdapterFiles inMemory(String name) throws IOException {
    return AdapterFiles.of(
        name,
        Files.readString(root.resolve(name).resolve(CONFIG)),
        ByteBuffer.wrap(Files.readAllBytes(weights(name))));
  }
}
