package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.djl.jinja.JinjaException;
import io.github.lora4j.djl.jinja.JinjaTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** One construct after another, against jinja2 ({@code tools/golden/jinja.py}). */
final class JinjaSnippetsTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/chat/snippets.json");

  @Test
  void constructsGiveWhatJinja2MakesOfThem() throws IOException {
    JsonObject golden = JsonParser.parseString(Files.readString(GOLDEN)).getAsJsonObject();
    Map<String, @Nullable Object> values =
        new LinkedHashMap<>(JsonValues.map(golden.getAsJsonObject("values")));
    values.put("messages", List.of()); // as transformers calls a template

    List<String> differences = new ArrayList<>();
    for (JsonElement json : golden.getAsJsonArray("snippets")) {
      JsonObject snippet = json.getAsJsonObject();
      String template = snippet.get("template").getAsString();
      String wanted = snippet.has("text") ? snippet.get("text").getAsString() : "refused";
      String found = rendered(template, values);
      if (!found.equals(wanted)) {
        differences.add(template + "\nwanted " + wanted + "\ngot    " + found);
      }
    }

    assertThat(differences).isEmpty();
  }

  private static String rendered(String template, Map<String, @Nullable Object> values) {
    try {
      return JinjaTemplate.parse(template).render(values, LocalDateTime.MIN).text();
    } catch (JinjaException e) {
      return "refused";
    }
  }
}
