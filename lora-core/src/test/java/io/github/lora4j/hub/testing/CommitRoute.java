package io.github.lora4j.hub.testing;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** {@code /api/models/{id}/commit/{revision}}: lines of JSON become a commit. */
final class CommitRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    Optional<DoubleAddress> asked = DoubleAddress.ofApi(exchange);
    if (asked.isEmpty() || !asked.get().action().equals("commit")) {
      return false;
    }
    DoubleAddress address = asked.get();
    Optional<DoubleRepository> repository = address.repository(exchange);
    if (repository.isEmpty()) {
      return true;
    }
    boolean pullRequest = exchange.parameter("create_pr").equals(Optional.of("1"));
    if (pullRequest && exchange.user().isEmpty()) {
      return exchange.refuse(401, "", "Invalid username or password.");
    }
    if (!pullRequest && !UploadRoutes.mayWrite(exchange, address.id())) {
      return true;
    }
    if (!exchange.header("Content-Type").orElse("").equals("application/x-ndjson")) {
      return exchange.refuse(415, "", "wanted application/x-ndjson");
    }
    String branch = address.rest().get(0);
    Optional<String> parent = address.commit(exchange, repository.get(), branch);
    return parent.isEmpty()
        || commit(exchange, repository.get(), branch, parent.get(), pullRequest);
  }

  private static boolean commit(
      DoubleExchange exchange,
      DoubleRepository repository,
      String branch,
      String parent,
      boolean pullRequest)
      throws IOException {
    Map<String, DoubleFile> changes = new TreeMap<>();
    Set<String> deleted = new HashSet<>();
    String message = "";
    String body = new String(exchange.body(), StandardCharsets.UTF_8);
    for (String line : body.lines().toList()) {
      JsonObject operation = JsonParser.parseString(line).getAsJsonObject();
      JsonObject value = operation.getAsJsonObject("value");
      switch (operation.get("key").getAsString()) {
        case "header" -> {
          JsonElement wanted = value.get("parentCommit");
          if (wanted != null && !wanted.getAsString().equals(parent)) {
            return exchange.refuse(
                412, "", "A commit has happened since. Please refresh and try again.");
          }
          message =
              (value.get("summary").getAsString() + "\n\n" + value.get("description").getAsString())
                  .strip();
        }
        case "file" ->
            changes.put(
                path(value),
                DoubleFile.small(Base64.getDecoder().decode(value.get("content").getAsString())));
        case "lfsFile" -> {
          Optional<byte[]> content = exchange.hub().store().large(value.get("oid").getAsString());
          if (content.isEmpty() || content.get().length != value.get("size").getAsLong()) {
            return exchange.refuse(400, "", "LFS pointer points to a file that does not exist");
          }
          changes.put(path(value), DoubleFile.large(content.get()));
        }
        case "deletedFile" -> deleted.add(path(value));
        default -> {
          return exchange.refuse(400, "", "unknown operation");
        }
      }
    }
    String target = branch;
    int number = 0;
    if (pullRequest) {
      do {
        number++;
        target = "refs/pr/" + number;
      } while (repository.resolve(target).isPresent());
      repository.point(target, parent);
    }
    String page = exchange.hub().endpoint() + "/" + repository.id();
    String commit = repository.commit(target, message, changes, deleted);
    JsonObject answer = UploadRoutes.object("commitOid", commit);
    answer.addProperty("success", true);
    answer.addProperty("commitUrl", page + "/commit/" + commit);
    answer.addProperty("hookOutput", "");
    if (pullRequest) {
      answer.addProperty("pullRequestUrl", page + "/discussions/" + number);
    }
    return exchange.json(200, answer.toString());
  }

  private static String path(JsonObject value) {
    return value.get("path").getAsString();
  }
}
