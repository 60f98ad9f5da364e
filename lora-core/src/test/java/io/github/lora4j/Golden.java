package io.github.lora4j;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** Files made by the scripts in tools/golden with the reference implementations. */
public final class Golden {

  private Golden() {}

  /**
   * Finds a committed file.
   *
   * @param name path below {@code golden/}
   * @return the file or directory
   */
  public static Path path(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(Golden.class.getResource("/golden/" + name), name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(name, e);
    }
  }

  /**
   * Reads committed JSON.
   *
   * @param name path below {@code golden/}
   * @return its root
   * @throws IOException if it is missing
   */
  public static JsonElement json(String name) throws IOException {
    return JsonParser.parseString(Files.readString(path(name)));
  }
}
