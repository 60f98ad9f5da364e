package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.djl.train.ManagedArrays;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Rows that join a batch together, one of which the device has no room for. */
final class RowBatchTest {

  private static final GenerationOptions TEN = GenerationOptions.builder().maxNewTokens(10).build();

  @Test
  void promptThatCannotBeReadEndsItsOwnTextOnly() throws IOException {
    try (CausalLm base = GoldenBase.load();
        PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention")) {
      int before = ManagedArrays.below(base.decoder().manager());
      Row running = row(view.model(), "Moon");
      Row bad = row(base, "Z");
      Row good = row(base, "Earth");

      try (RowBatch batch = new RowBatch(refusing(base, "Z"))) {
        batch.join(List.of(running));
        batch.step();
        batch.join(List.of(bad, good));
        while (batch.isRunning()) {
          batch.step();
        }
      }

      assertThat(bad.failure().orElseThrow()).hasMessage("no room for the prompt");
      assertThat(bad.text()).isEmpty();
      assertThat(running.failure()).isEmpty();
      assertThat(running.text()).isEqualTo(TextGenerator.of(view.model()).generate("Moon", TEN));
      assertThat(good.failure()).isEmpty();
      assertThat(good.text()).isEqualTo(TextGenerator.of(base).generate("Earth", TEN));
      assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(before);
    }
  }

  private static Row row(CausalLm model, String prompt) {
    int[] ids = model.tokenizer().encode(prompt);
    return new Row(ids, model.adapter(), model.tokenizer(), TEN, 0, piece -> {});
  }

  /** Fails in every pass that reads a token, as for want of memory. */
  private static Decoder refusing(CausalLm model, String text) {
    int token = model.tokenizer().encode(text)[0];
    Decoder decoder = model.decoder();
    return (Decoder)
        Proxy.newProxyInstance(
            Decoder.class.getClassLoader(),
            new Class<?>[] {Decoder.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("logits")
                  && LongStream.of(((Pass) arguments[0]).batch().tokens())
                      .anyMatch(id -> id == token)) {
                throw new IllegalStateException("no room for the prompt");
              }
              try {
                return method.invoke(decoder, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
