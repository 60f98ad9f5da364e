package io.github.lora4j.hub.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/** {@code /api/models/{id}/preupload/{revision}}: how each file shall come. */
final class PreuploadRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    Optional<DoubleAddress> asked = DoubleAddress.ofApi(exchange);
    if (asked.isEmpty() || !asked.get().action().equals("preupload")) {
      return false;
    }
    Optional<DoubleRepository> repository = asked.get().repository(exchange);
    if (repository.isEmpty()) {
      return true;
    }
    boolean pullRequest = exchange.parameter("create_pr").isPresent();
    if (!pullRequest && !UploadRoutes.mayWrite(exchange, asked.get().id())) {
      return true;
    }
    Optional<String> commit =
        asked.get().commit(exchange, repository.get(), asked.get().rest().get(0));
    if (commit.isEmpty()) {
      return true;
    }
    Map<String, DoubleFile> there = repository.get().files(commit.get());
    JsonArray files = new JsonArray();
    for (JsonElement element : UploadRoutes.json(exchange).getAsJsonArray("files")) {
      String path = element.getAsJsonObject().get("path").getAsString();
      if (!element.getAsJsonObject().has("sample")) {
        return exchange.refuse(400, "", "files[].sample is required");
      }
      JsonObject file = UploadRoutes.object("path", path);
      boolean large = DoubleFile.named(path, new byte[0]).isLarge();
      file.addProperty("uploadMode", large ? "lfs" : "regular");
      file.addProperty("shouldIgnore", ignored(there, path));
      if (there.containsKey(path)) {
        file.addProperty("oid", there.get(path).etag());
      }
      files.add(file);
    }
    JsonObject answer = new JsonObject();
    answer.add("files", files);
    return exchange.json(200, answer.toString());
  }

  /** A line of .gitignore that is a whole name; more the tests do not need. */
  private static boolean ignored(Map<String, DoubleFile> there, String path) {
    DoubleFile ignore = there.get(".gitignore");
    return ignore != null
        && new String(ignore.bytes(), StandardCharsets.UTF_8).lines().anyMatch(path::equals);
  }
}
