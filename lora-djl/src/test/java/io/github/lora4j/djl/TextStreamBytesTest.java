package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With the finest of byte-level tokenizers: token i is byte i. */
final class TextStreamBytesTest {

  @Test
  void onlyWholeCharactersAreShown(@TempDir Path directory) throws IOException {
    String text = "Größe: 5 µm, 月は遠い 🌕🚀 e\u0301\n done";

    try (Tokenizer tokenizer = bytes(directory)) {
      TextStream stream = tokenizer.stream();
      List<String> pieces = new ArrayList<>();
      for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
        pieces.add(stream.add(one & 0xff));
      }

      assertThat(String.join("", pieces)).isEqualTo(text);
      assertThat(stream.finish()).isEmpty();
      pieces.removeIf(String::isEmpty);
      assertThat(pieces).allMatch(piece -> piece.codePointCount(0, piece.length()) == 1);
      assertThat(pieces).hasSize(text.codePointCount(0, text.length()));
    }
  }

  @Test
  void characterThatIsNeverCompletedIsShownAtTheEnd(@TempDir Path directory) throws IOException {
    try (Tokenizer tokenizer = bytes(directory)) {
      TextStream stream = tokenizer.stream();

      assertThat(stream.add('A')).isEqualTo("A");
      assertThat(stream.add(0xf0)).isEmpty();
      assertThat(stream.add(0x9f)).isEmpty();
      assertThat(stream.finish()).isEqualTo("\uFFFD");
    }
  }

  @Test
  void piecesOfAnyBytesMakeUpWhatDecodingAllGives(@TempDir Path directory) throws IOException {
    Random random = new Random(3);

    try (Tokenizer tokenizer = bytes(directory)) {
      for (int round = 0; round < 200; round++) {
        int[] ids = random.ints(40, 0, 256).map(i -> random.nextBoolean() ? i : i & 0x7f).toArray();
        TextStream stream = tokenizer.stream();
        StringBuilder shown = new StringBuilder();
        for (int id : ids) {
          shown.append(stream.add(id));
        }
        shown.append(stream.finish());

        assertThat(shown.toString()).isEqualTo(tokenizer.decode(ids));
      }
    }
  }

  private static Tokenizer bytes(Path directory) throws IOException {
    JsonObject vocabulary = new JsonObject();
    int outside = 0;
    for (int id = 0; id < 256; id++) {
      // GPT-2's alphabet: printable bytes stand for themselves, others for characters from 256 on
      boolean printable = (id > 32 && id < 127) || (id > 160 && id != 173);
      vocabulary.addProperty(Character.toString(printable ? id : 256 + outside++), id);
    }
    JsonObject model = new JsonObject();
    model.addProperty("type", "BPE");
    model.add("vocab", vocabulary);
    model.add("merges", new JsonArray());
    JsonObject all =
        JsonParser.parseString(
                """
                {"version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
                                   "trim_offsets": true, "use_regex": false},
                 "decoder": {"type": "ByteLevel", "add_prefix_space": false,
                             "trim_offsets": true, "use_regex": false}}
                """)
            .getAsJsonObject();
    all.add("model", model);
    Files.writeString(directory.resolve("tokenizer.json"), all.toString());
    return Tokenizer.load(directory);
  }
}
