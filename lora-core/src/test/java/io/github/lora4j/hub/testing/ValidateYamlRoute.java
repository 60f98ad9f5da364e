package io.github.lora4j.hub.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;

/** {@code /api/validate-yaml}: looks at the front matter of a card. */
final class ValidateYamlRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    if (exchange.onStorageHost() || !exchange.path().equals("/api/validate-yaml")) {
      return false;
    }
    String card = UploadRoutes.json(exchange).get("content").getAsString();
    JsonObject answer = new JsonObject();
    answer.add("errors", new JsonArray());
    answer.add("warnings", new JsonArray());
    for (String line : card.lines().toList()) {
      if (line.startsWith("base_model: /")) {
        answer.add(
            "errors",
            UploadRoutes.array(
                UploadRoutes.object(
                    "message",
                    "\"base_model\" with value \"%s\" is not valid. Use a model id."
                        .formatted(line.substring("base_model: ".length())))));
        return exchange.json(400, answer.toString());
      }
    }
    if (!card.startsWith("---\n")) {
      answer.add(
          "warnings",
          UploadRoutes.array(UploadRoutes.object("message", "empty or missing yaml metadata")));
    }
    return exchange.json(200, answer.toString());
  }
}
