package io.github.lora4j.hub.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** The second host takes large content: with the signature and a length, without a token. */
final class LargePutRoute implements DoubleRoute {

  /** Parts of files that are not complete yet. */
  private final Map<String, TreeMap<Integer, byte[]>> parts = new ConcurrentHashMap<>();

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    List<String> path = exchange.segments();
    if (!exchange.onStorageHost() || !exchange.method().equals("PUT") || path.size() != 2) {
      return false;
    }
    byte[] body = exchange.body();
    if (exchange.header("Authorization").isPresent()) {
      return exchange.json(400, "{\"error\":\"only one way of authentication is allowed\"}");
    }
    if (!exchange.parameter("X-Amz-Signature").equals(Optional.of(StorageRoute.SIGNATURE))) {
      return exchange.json(403, "{\"error\":\"no signature\"}");
    }
    if (exchange.header("Content-Length").isEmpty()) {
      return exchange.json(501, "{\"error\":\"Transfer-Encoding is not implemented\"}");
    }
    Optional<String> part = exchange.parameter("partNumber");
    if (part.isPresent()) {
      parts
          .computeIfAbsent(path.get(1), oid -> new TreeMap<>())
          .put(Integer.parseInt(part.get()), body);
    } else if (!exchange.hub().store().large(path.get(1)).isPresent()) {
      if (!Hashes.sha256(body).equals(path.get(1))) {
        return exchange.json(400, "{\"error\":\"content is not what its hash says\"}");
      }
      exchange.hub().store().putLarge(path.get(1), body);
    }
    return exchange.set("ETag", "\"" + Hashes.gitBlob(body) + "\"").bytes(200, new byte[0]);
  }

  /** Puts the parts of a file together, if their receipts are right. */
  Optional<byte[]> together(String oid, List<String> receipts) {
    TreeMap<Integer, byte[]> found = parts.getOrDefault(oid, new TreeMap<>());
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 0; i < receipts.size(); i++) {
      byte[] part = found.get(i + 1);
      if (part == null || !receipts.get(i).equals("\"" + Hashes.gitBlob(part) + "\"")) {
        return Optional.empty();
      }
      all.writeBytes(part);
    }
    return Optional.of(all.toByteArray()).filter(bytes -> Hashes.sha256(bytes).equals(oid));
  }
}
