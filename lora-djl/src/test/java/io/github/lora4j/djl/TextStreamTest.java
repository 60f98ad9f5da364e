package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Texts that come token by token, of tokenizers in the shapes that models have. */
final class TextStreamTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/tokenizers");
  private static final String[] CHARACTERS = {
    "a",
    "the ",
    " weather",
    " ",
    ".",
    " .",
    " n't",
    "'",
    " ' ",
    "\n",
    "é",
    "ü",
    "日",
    "本",
    "😀",
    "👩‍👩‍👧",
    "e\u0301",
    "▁",
    "\u0001",
    "ﷺ",
    "𝔘",
    "<s>",
    "</s>",
    "<|im_end|>",
    "1 2",
    "\t"
  };

  static Stream<String> tokenizers() throws IOException {
    try (Stream<Path> directories = Files.list(GOLDEN)) {
      return directories.map(path -> path.getFileName().toString()).sorted().toList().stream();
    }
  }

  private static List<String> pieces(Tokenizer tokenizer, int[] ids) {
    TextStream stream = tokenizer.stream();
    List<String> pieces = new ArrayList<>();
    for (int id : ids) {
      pieces.add(stream.add(id));
    }
    pieces.add(stream.finish());
    return pieces;
  }

  private static boolean splitsACodePoint(String piece) {
    return !piece.isEmpty()
        && (Character.isLowSurrogate(piece.charAt(0))
            || Character.isHighSurrogate(piece.charAt(piece.length() - 1)));
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void piecesOfRandomTokensAreTheWholeText(String name) throws IOException {
    Random random = new Random(7);
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      int vocabulary = name.equals("unigram") ? 83 : 330;
      for (int i = 0; i < 400; i++) {
        int[] ids = random.ints(1 + random.nextInt(24), 0, vocabulary).toArray();

        List<String> pieces = pieces(tokenizer, ids);

        assertThat(String.join("", pieces)).isEqualTo(tokenizer.decode(ids));
        assertThat(pieces).noneMatch(TextStreamTest::splitsACodePoint);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void charactersOfManyTokensComeWhole(String name) throws IOException {
    Random random = new Random(8);
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      for (int i = 0; i < 200; i++) {
        StringBuilder text = new StringBuilder();
        for (int j = random.nextInt(12); j >= 0; j--) {
          text.append(CHARACTERS[random.nextInt(CHARACTERS.length)]);
        }
        int[] ids = tokenizer.encode(text.toString());

        List<String> pieces = pieces(tokenizer, ids);

        assertThat(String.join("", pieces)).isEqualTo(tokenizer.decode(ids));
        assertThat(pieces)
            .noneMatch(piece -> piece.contains("\uFFFD"))
            .noneMatch(TextStreamTest::splitsACodePoint);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void everyWordComesWithItsToken(String name) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve(name))) {
      int[] ids = tokenizer.encode("the weather is cold and the sea is grey", false);

      List<String> pieces = pieces(tokenizer, ids);

      long silent = pieces.subList(0, ids.length).stream().filter(String::isEmpty).count();
      assertThat(silent).isLessThanOrEqualTo(tokenizer.cleansUp() ? ids.length - 8 : 1);
    }
  }
}
