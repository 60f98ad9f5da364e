package io.github.lora4j.hub;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What the hub's own tools read from environment variables, under the same names. */
final class HubEnvironment {

  static final URI DEFAULT_ENDPOINT = URI.create("https://huggingface.co");
  private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);
  private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");
  private static final Pattern VARIABLE =
      Pattern.compile("\\$(?:\\{([A-Za-z_]\\w*)}|([A-Za-z_]\\w*))");

  private final Map<String, String> variables;

  HubEnvironment(Map<String, String> variables) {
    this.variables = Map.copyOf(variables);
  }

  URI endpoint() {
    return get("HF_ENDPOINT").map(HubEnvironment::uri).orElse(DEFAULT_ENDPOINT);
  }

  boolean offline() {
    return get("HF_HUB_OFFLINE")
        .or(() -> get("TRANSFORMERS_OFFLINE"))
        .filter(this::yes)
        .isPresent();
  }

  boolean links() {
    return get("HF_HUB_DISABLE_SYMLINKS").filter(this::yes).isEmpty();
  }

  /** Whether a token may be used that the caller did not name. */
  boolean implicitToken() {
    return get("HF_HUB_DISABLE_IMPLICIT_TOKEN").filter(this::yes).isEmpty();
  }

  Duration timeout() {
    return get("HF_HUB_DOWNLOAD_TIMEOUT").map(this::seconds).orElse(DEFAULT_TIMEOUT);
  }

  Path cache() {
    return get("HF_HUB_CACHE")
        .or(() -> get("HUGGINGFACE_HUB_CACHE"))
        .map(this::path)
        .orElseGet(() -> home().resolve("hub"));
  }

  Path tokenFile() {
    return get("HF_TOKEN_PATH").map(this::path).orElseGet(() -> home().resolve("token"));
  }

  /** The name of the variable that holds a token, if one does. */
  Optional<String> tokenVariable() {
    return Stream.of("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
        .filter(name -> get(name).isPresent())
        .findFirst();
  }

  Optional<String> get(String name) {
    return Optional.ofNullable(variables.get(name)).map(String::strip).filter(s -> !s.isEmpty());
  }

  private Path home() {
    return get("HF_HOME")
        .map(this::path)
        .orElseGet(
            () ->
                get("XDG_CACHE_HOME")
                    .map(this::path)
                    .orElseGet(() -> userHome().resolve(".cache"))
                    .resolve("huggingface"));
  }

  private Path userHome() {
    return Path.of(get("HOME").orElseGet(() -> System.getProperty("user.home")));
  }

  /** Expands a leading ~ and $NAME, as Python does. */
  private Path path(String value) {
    String text = value;
    if (text.equals("~") || text.startsWith("~/")) {
      text = userHome() + text.substring(1);
    }
    return Path.of(VARIABLE.matcher(text).replaceAll(this::value));
  }

  private String value(MatchResult match) {
    String name = match.group(1) == null ? match.group(2) : match.group(1);
    String known = variables.get(name);
    return Matcher.quoteReplacement(known == null ? match.group() : known);
  }

  private boolean yes(String value) {
    return YES.contains(value.toUpperCase(Locale.ROOT));
  }

  private Duration seconds(String value) {
    try {
      long seconds = Long.parseLong(value);
      return seconds == 0 ? DEFAULT_TIMEOUT : Duration.ofSeconds(seconds); // 0 as in Python
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "HF_HUB_DOWNLOAD_TIMEOUT must be a number of seconds, got '%s'".formatted(value), e);
    }
  }

  private static URI uri(String value) {
    try {
      return URI.create(value);
    } catch (IllegalArgumentException e) { // not the cause, which repeats a password in it
      throw new IllegalArgumentException(
          "HF_ENDPOINT must be an address such as https://huggingface.co, got '%s'"
              .formatted(HubText.shown(value)));
    }
  }
}
