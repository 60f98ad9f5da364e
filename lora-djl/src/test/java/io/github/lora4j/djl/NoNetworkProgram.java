package io.github.lora4j.djl;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.hub.HubOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Loads a cached base, computes, saves, in a process that has no network: {@code NoNetworkProgram
 * CACHE OUT}.
 */
public final class NoNetworkProgram {

  private NoNetworkProgram() {}

  public static void main(String[] arguments) throws IOException {
    HubOptions hub =
        HubOptions.builder(Map.of()).cache(Path.of(arguments[0])).offline(true).build();
    Path out = Path.of(arguments[1]);
    try (CausalLm base = CausalLm.load("me/bloom-tiny", LoadOptions.builder().hub(hub).build());
        PeftModel<CausalLm> peft =
            PeftModel.wrap(base, LoraConfig.builder().targetModules("query_key_value").build())) {
      peft.model().logits(new int[] {4, 5, 6});
      peft.save(out.resolve("adapter"));
      base.save(out.resolve("base"));
      PeftModel.fromPretrained(base, out.resolve("adapter").toString()).close();
    }
  }
}
