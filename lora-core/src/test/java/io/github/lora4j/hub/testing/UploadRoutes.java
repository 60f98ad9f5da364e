package io.github.lora4j.hub.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** What makes a double one that can be uploaded to. */
public final class UploadRoutes {

  private UploadRoutes() {}

  /** Adds them; large files are taken in one piece. */
  public static void addTo(HubDouble hub) {
    addTo(hub, Long.MAX_VALUE);
  }

  /** Adds them; large files go up in parts of so many bytes. */
  public static void addTo(HubDouble hub, long partSize) {
    hub.add(new ValidateYamlRoute());
    hub.add(new CreateRepositoryRoute());
    hub.add(new BranchRoute());
    hub.add(new PreuploadRoute());
    hub.add(new LargeBatchRoute(partSize));
    LargePutRoute put = new LargePutRoute();
    hub.add(put);
    hub.add(new LargeCompleteRoute(put));
    hub.add(new LargeVerifyRoute());
    hub.add(new CommitRoute());
  }

  static JsonObject json(DoubleExchange exchange) throws IOException {
    return JsonParser.parseString(new String(exchange.body(), StandardCharsets.UTF_8))
        .getAsJsonObject();
  }

  /** Whether this caller may write to a repository; if not, that was answered. */
  static boolean mayWrite(DoubleExchange exchange, String id) throws IOException {
    Optional<String> user = exchange.user();
    if (user.isEmpty()) {
      exchange.refuse(401, "", "Invalid username or password.");
      return false;
    }
    if (!id.startsWith(user.get() + "/")) {
      exchange.refuse(403, "", "Forbidden: you must use a token with write rights");
      return false;
    }
    return true;
  }

  static JsonArray array(JsonObject... members) {
    JsonArray array = new JsonArray();
    for (JsonObject member : members) {
      array.add(member);
    }
    return array;
  }

  /** One text in an object. */
  static JsonObject object(String name, String text) {
    JsonObject object = new JsonObject();
    object.addProperty(name, text);
    return object;
  }
}
