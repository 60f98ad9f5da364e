package io.github.lora4j.djl.generate;

import com.google.gson.Gson;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The golden checkpoint that generation was recorded on, its adapters, and the recordings. */
final class GoldenBase {

  private static final Path ROOT = Path.of("src/test/resources/golden/bloom");

  private GoldenBase() {}

  static CausalLm load() throws IOException {
    return load("power-of-two", Precision.FP32);
  }

  static CausalLm load(String name, Precision precision) throws IOException {
    return CausalLm.load(
        ROOT.resolve(name).resolve("checkpoint"),
        LoadOptions.builder().precision(precision).build());
  }

  static PeftModel<CausalLm> adapter(CausalLm base, String name) throws IOException {
    return PeftModel.fromPretrained(base, ROOT.resolve("power-of-two/adapters").resolve(name));
  }

  static <T> T read(String file, Class<T> type) throws IOException {
    return new Gson().fromJson(Files.readString(ROOT.resolve("generation").resolve(file)), type);
  }
}
