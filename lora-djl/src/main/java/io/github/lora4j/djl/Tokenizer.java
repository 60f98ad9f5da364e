package io.github.lora4j.djl;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.internal.TokenizerFile;
import io.github.lora4j.io.JsonReason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Text to token ids and back, as the checkpoint's {@code tokenizer.json} says. Never truncates,
 * never pads. Safe for use from many threads.
 *
 * @since 0.1.0
 */
public final class Tokenizer implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(Tokenizer.class);
  private static final List<String> ROLES = List.of("bos_token", "eos_token", "pad_token");

  private final HuggingFaceTokenizer tokenizer;
  private final TokenizerFile file;
  private final Map<String, Integer> roles;
  private final AtomicInteger handles; // of all that share the native tokenizer
  private final AtomicBoolean closed = new AtomicBoolean();

  private Tokenizer(
      HuggingFaceTokenizer tokenizer,
      TokenizerFile file,
      Map<String, Integer> roles,
      AtomicInteger handles) {
    this.tokenizer = tokenizer;
    this.file = file;
    this.roles = roles;
    this.handles = handles;
    handles.incrementAndGet();
  }

  /** Another handle on the same tokenizer, which lives until all are closed. */
  Tokenizer shared() {
    if (closed.get()) {
      throw new IllegalStateException("the tokenizer is closed with its base; load it again");
    }
    return new Tokenizer(tokenizer, file, roles, handles);
  }

  /**
   * Loads a tokenizer.
   *
   * @param directory holds {@code tokenizer.json} and, for what special tokens are for, {@code
   *     tokenizer_config.json}; without the latter, {@code config.json} says it. They mean what
   *     they mean in transformers 5: some classes of tokenizers keep only the vocabulary of {@code
   *     tokenizer.json} and what it adds around a text, and {@code add_bos_token} means nothing
   *     beside it
   * @return the tokenizer, to be closed by the caller
   * @throws IOException if a file is missing or cannot be read
   * @throws LoraException if a file is not what it should be
   */
  public static Tokenizer load(Path directory) throws IOException {
    Engines.sendNoTelemetry();
    TokenizerFile file = TokenizerFile.read(directory);
    Map<String, Integer> roles = roles(directory, file);
    Map<String, String> options =
        Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "true");
    InputStream json = new ByteArrayInputStream(file.json().getBytes(StandardCharsets.UTF_8));
    try {
      HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(json, options);
      return new Tokenizer(tokenizer, file.withoutJson(), roles, new AtomicInteger());
    } catch (RuntimeException e) {
      throw new LoraException(
          directory.resolve("tokenizer.json") + " is no tokenizer: " + JsonReason.of(e), e);
    }
  }

  /** Ids of the tokens that begin, end and fill a text. */
  private static Map<String, Integer> roles(Path directory, TokenizerFile file) throws IOException {
    Map<String, Integer> roles = new HashMap<>();
    file.specialTokens()
        .texts()
        .forEach((role, text) -> roles.put(role, file.addedTokens().get(text)));
    Path config = directory.resolve("tokenizer_config.json");
    Path model = directory.resolve("config.json");
    if (Files.exists(config)) {
      return roles;
    }
    if (Files.exists(model)) {
      log.warn("{} is missing; the special tokens are those of config.json", config);
      Json json = Json.read(model, "what names the token that ends a text");
      for (String role : ROLES) {
        json.whole(role + "_id").ifPresent(id -> roles.put(role, id));
      }
    } else {
      log.warn("{} is missing: no token begins or ends a text", config);
    }
    return roles;
  }

  /**
   * Encodes a text, special tokens in it recognised.
   *
   * @param text any text
   * @return its ids, empty for an empty text
   */
  public int[] encode(String text) {
    return encode(text, true);
  }

  /**
   * Encodes a text, special tokens in it recognised.
   *
   * @param text any text
   * @param addSpecialTokens whether to add the tokens that the tokenizer begins and ends a text
   *     with; not for a text that has them, as one of a chat template
   * @return its ids, empty for an empty text to which nothing is added
   */
  public int[] encode(String text, boolean addSpecialTokens) {
    return ids(tokenizer.encode(text, addSpecialTokens, false).getIds());
  }

  /**
   * Encodes a text and says which of its characters each token stands for.
   *
   * @param text any text
   * @param addSpecialTokens whether to add the tokens that the tokenizer begins and ends a text
   *     with
   * @return ids and places
   */
  public TokenizedText encodeWithPlaces(String text, boolean addSpecialTokens) {
    Encoding encoding = tokenizer.encode(text, addSpecialTokens, false);
    CharSpan[] spans = encoding.getCharTokenSpans();
    int[] places = new int[text.codePointCount(0, text.length()) + 1]; // of code points, in chars
    for (int i = 1; i < places.length; i++) {
      places[i] = text.offsetByCodePoints(places[i - 1], 1);
    }
    int[] starts = new int[spans.length];
    int[] ends = new int[spans.length];
    for (int i = 0; i < spans.length; i++) {
      starts[i] = spans[i] == null ? -1 : places[spans[i].getStart()];
      ends[i] = spans[i] == null ? -1 : places[spans[i].getEnd()];
    }
    return new TokenizedText(ids(encoding.getIds()), starts, ends);
  }

  private static int[] ids(long[] ids) {
    return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
  }

  /**
   * Decodes ids, leaving special tokens out.
   *
   * @param ids token ids
   * @return the text
   */
  public String decode(int[] ids) {
    return decode(ids, true);
  }

  /**
   * Decodes ids.
   *
   * @param ids token ids
   * @param skipSpecialTokens whether to leave special tokens out
   * @return the text; bytes that are no whole character show as U+FFFD
   */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    String text = decodeAsIs(ids, skipSpecialTokens);
    return file.cleansUp() ? CleanUp.of(text) : text;
  }

  /**
   * Turns tokens to text as they come.
   *
   * @return a stream for one text, usable as long as the tokenizer is open
   */
  public TextStream stream() {
    return new TextStream(this);
  }

  /** Whether decoded texts lose spaces before punctuation. */
  boolean cleansUp() {
    return file.cleansUp();
  }

  /**
   * Whether decoding leaves a token out, unless asked not to.
   *
   * @param id a token id
   * @return whether it is special
   */
  public boolean isSpecial(int id) {
    return file.skippedTokens().get(id);
  }

  /** Whether a token is one byte of a text, which means nothing alone. */
  boolean isByte(int id) {
    return file.byteTokens().get(id);
  }

  String decodeAsIs(int[] ids, boolean skipSpecialTokens) {
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), skipSpecialTokens);
  }

  /**
   * Id of a special token.
   *
   * @param token its text, e.g. {@code </s>}
   * @return empty if the tokenizer has no such special token
   */
  public OptionalInt specialId(String token) {
    Integer id = file.addedTokens().get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /**
   * The token that ends a text.
   *
   * @return its id, empty if there is none
   */
  public OptionalInt eosId() {
    return role("eos_token");
  }

  /**
   * The token that begins a text.
   *
   * @return its id, empty if there is none
   */
  public OptionalInt bosId() {
    return role("bos_token");
  }

  /**
   * The token that fills short rows elsewhere; nothing is padded here.
   *
   * @return its id, empty if there is none
   */
  public OptionalInt padId() {
    return role("pad_token");
  }

  private OptionalInt role(String role) {
    Integer id = roles.get(role);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true) && handles.decrementAndGet() == 0) {
      tokenizer.close();
    }
  }
}
