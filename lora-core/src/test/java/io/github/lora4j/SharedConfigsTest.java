package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** Configurations from the wild: read without loss, or refused by the name of the setting. */
class SharedConfigsTest {

  private static final Set<String> REWRITTEN = Set.of("peft_version", "inference_mode");

  @Test
  void everyConfigurationIsKeptWholeOrRefusedByName() throws IOException {
    Map<String, String> refused = new TreeMap<>();
    int read = 0;
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(SharedData.directory("data/adapter-configs"), "*.json")) {
      for (Path file : files) {
        try {
          LoraConfig config = LoraConfig.read(file);
          assertKeeps(file, config.toJson());
          read++;
        } catch (LoraException e) {
          refused.put(file.getFileName().toString(), e.getMessage());
        }
      }
    }
    refused.forEach((file, message) -> assertReason(file, message));
    assertThat(read).isGreaterThan(4 * refused.size());
  }

  /** The shared files use few unsupported things; anything else refused would be a mistake here. */
  private static void assertReason(String file, String message) {
    assertThat(message)
        .as(file)
        .containsAnyOf("enable_lora is [true", "peft_type 'PROMPT_TUNING'", "has no peft_type");
  }

  private static void assertKeeps(Path file, String written) throws IOException {
    JsonObject before = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    JsonObject after = JsonParser.parseString(written).getAsJsonObject();
    for (Map.Entry<String, JsonElement> entry : before.entrySet()) {
      if (!REWRITTEN.contains(entry.getKey())) {
        assertThat(after.has(entry.getKey())).as("%s: %s", file, entry.getKey()).isTrue();
        assertThat(plain(after.get(entry.getKey())))
            .as("%s: %s", file, entry.getKey())
            .isEqualTo(plain(entry.getValue()));
      }
    }
  }

  /** Numbers by value; lists of targets in any order, none like an empty one. */
  private static Object plain(JsonElement value) {
    if (value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber()) {
      return value.getAsDouble();
    }
    if (value instanceof JsonArray array) {
      Set<String> items =
          StreamSupport.stream(array.spliterator(), false)
              .map(JsonElement::toString)
              .collect(Collectors.toCollection(TreeSet::new));
      return items.isEmpty() ? "none" : items;
    }
    return value.isJsonNull() ? "none" : value;
  }
}
