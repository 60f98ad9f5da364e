package io.github.lora4j.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the token comes from: named by the caller, else the environment, else the file that a login
 * of the hub's own tool wrote. The file is read when a request is made and not before. Nothing here
 * prints the token.
 */
final class HubToken {

  /** Longer ones are no tokens: the file is another. */
  private static final int MOST_CHARACTERS = 4096;

  static final String MASK = "<token>";

  private final String explicit;
  private final boolean anonymous;
  private final HubEnvironment environment;

  private HubToken(String explicit, boolean anonymous, HubEnvironment environment) {
    this.explicit = explicit;
    this.anonymous = anonymous;
    this.environment = environment;
  }

  static HubToken implicit(HubEnvironment environment) {
    return new HubToken("", !environment.implicitToken(), environment);
  }

  static HubToken of(String token, HubEnvironment environment) {
    return new HubToken(checked(token.strip(), "the token"), false, environment);
  }

  static HubToken none(HubEnvironment environment) {
    return new HubToken("", true, environment);
  }

  /** The token, if there is one. */
  Optional<String> find() throws IOException {
    if (!explicit.isEmpty()) {
      return Optional.of(explicit);
    }
    if (anonymous) {
      return Optional.empty();
    }
    Optional<String> variable = environment.tokenVariable();
    if (variable.isPresent()) {
      return environment.get(variable.get()).map(value -> checked(value, variable.get()));
    }
    return inFile(environment.tokenFile());
  }

  /** Where a token was found or looked for, for messages. */
  String where() {
    if (!explicit.isEmpty()) {
      return "HubOptions.token";
    }
    if (anonymous) {
      return "nowhere: it was switched off";
    }
    return environment.tokenVariable().orElseGet(() -> environment.tokenFile().toString());
  }

  /** A text from elsewhere without the token, should it be in there. */
  String redact(String text) {
    try {
      return find().map(token -> text.replace(token, MASK)).orElse(text);
    } catch (IOException | IllegalArgumentException e) {
      return text; // a token that cannot be read or used was not sent, so nothing can repeat it
    }
  }

  private static Optional<String> inFile(Path file) throws IOException {
    try {
      if (Files.size(file) > MOST_CHARACTERS) {
        throw new IOException(
            "%s: wanted a token of at most %d characters, the file has %d bytes"
                .formatted(file, MOST_CHARACTERS, Files.size(file)));
      }
      String text = Files.readString(file).strip();
      return text.isEmpty() ? Optional.empty() : Optional.of(checked(text, file.toString()));
    } catch (NoSuchFileException e) {
      return Optional.empty(); // nobody logged in
    }
  }

  /** Refuses what cannot stand in a header, without showing it. */
  private static String checked(String token, String where) {
    boolean printable = token.chars().allMatch(c -> c > ' ' && c < 0x7f);
    if (token.isEmpty() || !printable || token.length() > MOST_CHARACTERS) {
      throw new IllegalArgumentException(
          "%s must be up to %d printable characters without spaces; it is %s"
              .formatted(
                  where,
                  MOST_CHARACTERS,
                  token.isEmpty() ? "empty" : "not shown, as it may be secret"));
    }
    return token;
  }

  @Override
  public String toString() {
    return "token from " + where();
  }
}
