package io.github.lora4j.djl;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.io.JsonReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  private final Map<String, Integer> specialIds;
  private final Map<String, Integer> roles;
  private final AtomicInteger handles; // of all that share the native tokenizer
  private final AtomicBoolean closed = new AtomicBoolean();

  private Tokenizer(
      HuggingFaceTokenizer tokenizer,
      Map<String, Integer> specialIds,
      Map<String, Integer> roles,
      AtomicInteger handles) {
    this.tokenizer = tokenizer;
    this.specialIds = specialIds;
    this.roles = roles;
    this.handles = handles;
    handles.incrementAndGet();
  }

  /** Another handle on the same tokenizer, which lives until all are closed. */
  Tokenizer shared() {
    if (closed.get()) {
      throw new IllegalStateException("the tokenizer is closed with its base; load it again");
    }
    return new Tokenizer(tokenizer, specialIds, roles, handles);
  }

  /**
   * Loads a tokenizer.
   *
   * @param directory holds {@code tokenizer.json} and, for what special tokens are for, {@code
   *     tokenizer_config.json}; without the latter, {@code config.json} says it
   * @return the tokenizer, to be closed by the caller
   * @throws IOException if a file is missing or cannot be read
   * @throws LoraException if a file is not what it should be
   */
  public static Tokenizer load(Path directory) throws IOException {
    Engines.sendNoTelemetry();
    Path file = directory.resolve("tokenizer.json");
    Map<String, Integer> specialIds = new HashMap<>();
    for (Json token :
        Json.read(file, "the tokenizer of a model directory").objects("added_tokens")) {
      String content = token.require("content", token.text("content"));
      OptionalInt id = token.whole("id");
      specialIds.put(content, token.require("id", id.stream().boxed().findFirst()));
    }
    Map<String, Integer> roles = roles(directory, specialIds);
    Map<String, String> options =
        Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "true");
    try {
      HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(file, options);
      return new Tokenizer(tokenizer, specialIds, roles, new AtomicInteger());
    } catch (RuntimeException e) {
      throw new LoraException(file + " is no tokenizer: " + JsonReason.of(e), e);
    }
  }

  /** Ids of the tokens that begin, end and fill a text. */
  private static Map<String, Integer> roles(Path directory, Map<String, Integer> specialIds)
      throws IOException {
    Map<String, Integer> roles = new HashMap<>();
    Path file = directory.resolve("tokenizer_config.json");
    Path model = directory.resolve("config.json");
    if (Files.exists(file)) {
      Json config = Json.read(file, "what names the token that ends a text");
      for (String role : ROLES) {
        // a special token is written as a text or as an object with its content
        Optional<Json> object = config.object(role);
        Optional<String> text =
            object.isPresent() ? object.get().text("content") : config.text(role);
        text.map(specialIds::get).ifPresent(id -> roles.put(role, id));
      }
    } else if (Files.exists(model)) {
      log.warn("{} is missing; the special tokens are those of config.json", file);
      Json config = Json.read(model, "what names the token that ends a text");
      for (String role : ROLES) {
        config.whole(role + "_id").ifPresent(id -> roles.put(role, id));
      }
    } else {
      log.warn("{} is missing: no token begins or ends a text", file);
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
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), skipSpecialTokens);
  }

  /**
   * Id of a special token.
   *
   * @param token its text, e.g. {@code </s>}
   * @return empty if the tokenizer has no such special token
   */
  public OptionalInt specialId(String token) {
    Integer id = specialIds.get(token);
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
