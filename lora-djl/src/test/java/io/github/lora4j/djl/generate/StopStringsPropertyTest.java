package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.djl.TextStream;
import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stop strings in texts that come token by token, characters cut anywhere. */
final class StopStringsPropertyTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/tokenizers");
  private static final String[] PARTS = {"a", "ab", "b", "😀", "日本", " the", "\n", "é"};

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama", "gemma", "unigram", "llama-3"})
  void piecesEndBeforeTheFirstStopString(String name) throws IOException {
    Random random = new Random(9);
    int stopped = 0;
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      for (int i = 0; i < 500; i++) {
        int[] ids = tokenizer.encode(text(random, 14), false);
        List<String> stops = List.of(text(random, 3), text(random, 2));
        String whole = tokenizer.decode(ids);

        StringBuilder streamed = new StringBuilder();
        TextStream stream = tokenizer.stream();
        StopStrings stopStrings = new StopStrings(stops);
        for (int id : ids) {
          if (!stopStrings.found()) {
            streamed.append(stopStrings.add(stream.add(id)));
          }
        }
        if (!stopStrings.found()) {
          streamed.append(stopStrings.add(stream.finish())).append(stopStrings.finish());
        }

        String expected = upToStop(whole, stops);
        assertThat(streamed).as("%s of '%s'", stops, whole).hasToString(expected);
        stopped += expected.equals(whole) ? 0 : 1;
      }
    }
    assertThat(stopped).isBetween(50, 450);
  }

  private static String text(Random random, int parts) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(parts); i >= 0; i--) {
      text.append(PARTS[random.nextInt(PARTS.length)]);
    }
    return text.toString();
  }

  /** Reads the text character by character: the string that is complete first counts. */
  private static String upToStop(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      String seen = text.substring(0, end);
      List<Integer> starts = new ArrayList<>();
      stops.stream().filter(seen::endsWith).forEach(s -> starts.add(seen.length() - s.length()));
      if (!starts.isEmpty()) {
        return text.substring(0, starts.stream().min(Integer::compare).orElseThrow());
      }
    }
    return text;
  }
}
