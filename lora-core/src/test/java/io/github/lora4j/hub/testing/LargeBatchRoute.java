package io.github.lora4j.hub.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;

/** {@code /{id}.git/info/lfs/objects/batch}: where each large file shall be put. */
final class LargeBatchRoute implements DoubleRoute {

  private static final String PATH = ".git/info/lfs/objects/batch";

  private final long partSize;

  LargeBatchRoute(long partSize) {
    this.partSize = partSize;
  }

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    if (exchange.onStorageHost() || !exchange.path().endsWith(PATH)) {
      return false;
    }
    if (exchange.user().isEmpty()) {
      return exchange.refuse(401, "", "Invalid username or password.");
    }
    if (!exchange.header("Accept").orElse("").equals("application/vnd.git-lfs+json")) {
      return exchange.json(406, "{\"message\":\"wanted Accept: application/vnd.git-lfs+json\"}");
    }
    String repository = exchange.path().substring(0, exchange.path().length() - PATH.length());
    JsonArray objects = new JsonArray();
    for (JsonElement asked : UploadRoutes.json(exchange).getAsJsonArray("objects")) {
      objects.add(object(exchange, repository, asked.getAsJsonObject()));
    }
    JsonObject answer = UploadRoutes.object("transfer", "basic");
    answer.add("objects", objects);
    return exchange
        .set("Content-Type", "application/vnd.git-lfs+json")
        .json(200, answer.toString());
  }

  private JsonObject object(DoubleExchange exchange, String repository, JsonObject asked) {
    JsonObject object = asked.deepCopy();
    String oid = asked.get("oid").getAsString();
    if (exchange.hub().store().large(oid).isPresent()) {
      return object; // no actions: it is there
    }
    long size = asked.get("size").getAsLong();
    String put =
        exchange.hub().storage() + "/put/" + oid + "?X-Amz-Signature=" + StorageRoute.SIGNATURE;
    JsonObject actions = new JsonObject();
    if (size > partSize) {
      JsonObject header = UploadRoutes.object("chunk_size", String.valueOf(partSize));
      for (int part = 1; (part - 1) * partSize < size; part++) {
        header.addProperty(String.format("%05d", part), put + "&partNumber=" + part);
      }
      JsonObject upload =
          UploadRoutes.object(
              "href", exchange.hub().endpoint() + "/api/complete_multipart?oid=" + oid);
      upload.add("header", header);
      actions.add("upload", upload);
    } else {
      actions.add("upload", UploadRoutes.object("href", put));
    }
    actions.add(
        "verify",
        UploadRoutes.object(
            "href", exchange.hub().endpoint() + repository + ".git/info/lfs/verify"));
    object.add("actions", actions);
    return object;
  }
}
