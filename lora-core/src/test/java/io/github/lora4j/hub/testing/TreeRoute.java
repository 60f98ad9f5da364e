package io.github.lora4j.hub.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** {@code /api/models/{id}/tree/{revision}/{folder}}: files and folders, page by page. */
public final class TreeRoute implements DoubleRoute {

  private final int pageSize;

  public TreeRoute(int pageSize) {
    this.pageSize = pageSize;
  }

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    Optional<DoubleAddress> asked = DoubleAddress.ofApi(exchange);
    if (asked.isEmpty() || !asked.get().action().equals("tree")) {
      return false;
    }
    DoubleAddress address = asked.get();
    Optional<DoubleRepository> repository = address.repository(exchange);
    if (repository.isEmpty()) {
      return true;
    }
    Optional<String> commit = address.commit(exchange, repository.get(), address.rest().get(0));
    if (commit.isEmpty()) {
      return true;
    }
    String folder = String.join("/", address.rest().subList(1, address.rest().size()));
    boolean recursive = exchange.parameter("recursive").orElse("").equalsIgnoreCase("true");
    List<JsonObject> entries = entries(repository.get().files(commit.get()), folder, recursive);
    if (!folder.isEmpty() && entries.isEmpty()) {
      return exchange.refuse(404, "EntryNotFound", folder + " does not exist");
    }
    return page(exchange, entries);
  }

  private boolean page(DoubleExchange exchange, List<JsonObject> entries) throws IOException {
    int from = exchange.parameter("cursor").map(Integer::parseInt).orElse(0);
    int to = Math.min(entries.size(), from + pageSize);
    JsonArray page = new JsonArray();
    entries.subList(from, to).forEach(page::add);
    if (to < entries.size()) {
      exchange.set(
          "Link",
          "<%s%s?recursive=%s&expand=False&cursor=%d>; rel=\"next\""
              .formatted(
                  exchange.hub().endpoint(),
                  exchange.path(),
                  exchange.parameter("recursive").orElse("False"),
                  to));
    }
    return exchange.json(200, page.toString());
  }

  private static List<JsonObject> entries(
      Map<String, DoubleFile> files, String folder, boolean recursive) {
    String prefix = folder.isEmpty() ? "" : folder + "/";
    List<JsonObject> entries = new ArrayList<>();
    TreeSet<String> folders = new TreeSet<>();
    files.forEach(
        (name, file) -> {
          if (!name.startsWith(prefix)) {
            return;
          }
          for (int i = name.indexOf('/', prefix.length()); i > 0; i = name.indexOf('/', i + 1)) {
            folders.add(name.substring(0, i));
          }
          if (recursive || name.indexOf('/', prefix.length()) < 0) {
            entries.add(file(name, file));
          }
        });
    folders.stream()
        .filter(name -> recursive || name.indexOf('/', prefix.length()) < 0)
        .forEach(name -> entries.add(folder(name)));
    return entries;
  }

  private static JsonObject folder(String name) {
    JsonObject entry = new JsonObject();
    entry.addProperty("type", "directory");
    entry.addProperty("oid", Hashes.sha1(name));
    entry.addProperty("size", 0);
    entry.addProperty("path", name);
    return entry;
  }

  private static JsonObject file(String name, DoubleFile file) {
    JsonObject entry = new JsonObject();
    entry.addProperty("type", "file");
    entry.addProperty("oid", Hashes.gitBlob(file.inGit()));
    entry.addProperty("size", file.bytes().length);
    if (file.isLarge()) {
      JsonObject lfs = new JsonObject();
      lfs.addProperty("oid", file.etag());
      lfs.addProperty("size", file.bytes().length);
      lfs.addProperty("pointerSize", file.inGit().length);
      entry.add("lfs", lfs);
      entry.addProperty("xetHash", file.xetHash());
    }
    entry.addProperty("path", name);
    return entry;
  }
}
