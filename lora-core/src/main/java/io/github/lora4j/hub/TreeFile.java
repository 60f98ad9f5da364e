package io.github.lora4j.hub;

import com.google.gson.FormattingStyle;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code trees/<commit>.json} of a cache: what a commit consists of, which never changes. Python's
 * tool writes and reads the same file.
 */
final class TreeFile {

  private static final Logger LOG = LoggerFactory.getLogger(TreeFile.class);
  private static final int VERSION = 1;
  private static final long MOST_BYTES = 256L << 20;
  private static final Gson GSON =
      new GsonBuilder()
          .setFormattingStyle(FormattingStyle.PRETTY.withIndent(" "))
          .disableHtmlEscaping()
          .create();

  private TreeFile() {}

  /** The files by name; empty if it is not there, or is of another version or damaged. */
  static Optional<Map<String, TreeEntry>> read(Path path) throws IOException {
    if (!Files.isRegularFile(path) || Files.size(path) > MOST_BYTES) {
      return Optional.empty();
    }
    try {
      JsonObject json = JsonParser.parseString(Files.readString(path)).getAsJsonObject();
      if (json.get("format_version").getAsInt() != VERSION) {
        return Optional.empty();
      }
      Map<String, TreeEntry> files = new TreeMap<>();
      for (Map.Entry<String, JsonElement> entry : json.getAsJsonObject("files").entrySet()) {
        files.put(entry.getKey(), entry(entry.getValue().getAsJsonObject()));
      }
      return Optional.of(files);
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | NullPointerException
        | ClassCastException
        | NumberFormatException
        | CharacterCodingException e) {
      LOG.warn("{} is no listing of a commit, it is asked for again: {}", path, e.getMessage());
      return Optional.empty();
    }
  }

  private static TreeEntry entry(JsonObject json) {
    Optional<String> sha256 = text(json, "lfs_sha256");
    return new TreeEntry(
        json.get(sha256.isPresent() ? "lfs_size" : "size").getAsLong(),
        json.get("blob_id").getAsString(),
        sha256,
        text(json, "xet_hash"));
  }

  private static Optional<String> text(JsonObject json, String name) {
    return Optional.ofNullable(json.get(name))
        .filter(value -> !value.isJsonNull())
        .map(JsonElement::getAsString);
  }

  /** The content of such a file. */
  static String text(Map<String, TreeEntry> files) {
    JsonObject all = new JsonObject();
    new TreeMap<>(files).forEach((name, entry) -> all.add(name, json(entry)));
    JsonObject json = new JsonObject();
    json.addProperty("format_version", VERSION);
    json.add("files", all);
    return ascii(GSON.toJson(json));
  }

  private static JsonObject json(TreeEntry entry) {
    JsonObject json = new JsonObject();
    json.addProperty("size", entry.size());
    json.addProperty("blob_id", entry.blobId());
    entry
        .sha256()
        .ifPresent(
            hash -> {
              json.addProperty("lfs_sha256", hash);
              json.addProperty("lfs_size", entry.size());
            });
    entry.xetHash().ifPresent(hash -> json.addProperty("xet_hash", hash));
    return json;
  }

  /** As Python writes it, whatever a reader takes the file's encoding for. */
  private static String ascii(String text) {
    StringBuilder result = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < 0x7f) {
        result.append(c);
      } else {
        result.append("\\u%04x".formatted((int) c));
      }
    }
    return result.toString();
  }
}
