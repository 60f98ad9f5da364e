package io.github.lora4j.hub;

import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Base64;
import java.util.Map;

/** A commit as the hub reads it: lines of JSON, of which the first says why, the others what. */
final class CommitBody {

  static final String MEDIA_TYPE = "application/x-ndjson";

  private final ByteArrayOutputStream lines = new ByteArrayOutputStream();

  private CommitBody() {}

  static HttpRequest.BodyPublisher of(PushOptions push, UploadPlan plan) throws IOException {
    CommitBody body = new CommitBody();
    JsonObject header =
        PushCalls.object(Map.of("summary", push.message(), "description", push.description()));
    push.parentCommit().ifPresent(parent -> header.addProperty("parentCommit", parent));
    body.line("header", header);
    for (UploadFile file : plan.inline()) {
      byte[] content = Files.readAllBytes(file.path());
      file.requireUnchanged();
      body.line(
          "file",
          PushCalls.object(
              Map.of(
                  "path",
                  file.name(),
                  "encoding",
                  "base64",
                  "content",
                  Base64.getEncoder().encodeToString(content))));
    }
    for (UploadFile file : plan.large()) {
      JsonObject value =
          PushCalls.object(Map.of("path", file.name(), "algo", "sha256", "oid", file.sha256()));
      value.addProperty("size", file.size());
      body.line("lfsFile", value);
    }
    return HttpRequest.BodyPublishers.ofByteArray(body.lines.toByteArray());
  }

  private void line(String key, JsonObject value) {
    JsonObject line = new JsonObject();
    line.addProperty("key", key);
    line.add("value", value);
    lines.writeBytes((line + "\n").getBytes(StandardCharsets.UTF_8));
  }
}
