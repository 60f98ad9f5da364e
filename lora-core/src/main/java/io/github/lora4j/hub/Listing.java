package io.github.lora4j.hub;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks the hub where a branch is and what a commit consists of. */
final class Listing {

  /** A thousand files a page: more than any repository that is a model. */
  private static final int MOST_PAGES = 1000;

  private static final Pattern NEXT = Pattern.compile("<([^>]*)>\\s*;\\s*rel=\"next\"");

  private final HubHttp http;
  private final HubOptions options;

  Listing(HubHttp http, HubOptions options) {
    this.http = http;
    this.options = options;
  }

  /** The commit of a branch or a tag, now. */
  String commit(HubRepository repository, String revision) throws IOException {
    HubSubject subject = HubSubject.of(repository).at(revision);
    URI address = http.address(repository.api() + "/revision/" + HubText.segment(revision));
    try (HubReply reply = http.sendForText(HubRequest.get(address))) {
      http.failures().require(reply, subject);
      JsonElement json = reply.json();
      Optional<String> sha =
          json.isJsonObject() ? text(json.getAsJsonObject(), "sha") : Optional.empty();
      return sha.filter(HubPath::isCommit).orElseThrow(() -> notListed(subject));
    }
  }

  /** All files of a commit. */
  Map<String, TreeEntry> files(HubRepository repository, String commit) throws IOException {
    HubSubject subject = HubSubject.of(repository).at(commit);
    Map<String, TreeEntry> files = new TreeMap<>();
    Optional<URI> page =
        Optional.of(
            http.address(repository.api() + "/tree/" + commit + "?recursive=true&expand=false"));
    for (int pages = 0; page.isPresent(); pages++) {
      if (pages == MOST_PAGES) {
        throw notListed(subject);
      }
      try (HubReply reply = http.sendForText(HubRequest.get(page.get()))) {
        http.failures().require(reply, subject);
        add(files, reply.json(), subject);
        page = next(reply);
      }
    }
    return files;
  }

  private void add(Map<String, TreeEntry> files, JsonElement page, HubSubject subject)
      throws HubException {
    if (!page.isJsonArray()) {
      throw notListed(subject);
    }
    for (JsonElement element : page.getAsJsonArray()) {
      if (!element.isJsonObject()) {
        throw notListed(subject);
      }
      JsonObject json = element.getAsJsonObject();
      if (text(json, "type").equals(Optional.of("file"))) {
        String name = text(json, "path").orElseThrow(() -> notListed(subject));
        files.put(name, entry(json));
      }
    }
  }

  private static TreeEntry entry(JsonObject json) {
    Optional<JsonObject> large =
        Optional.ofNullable(json.get("lfs"))
            .filter(JsonElement::isJsonObject)
            .map(JsonElement::getAsJsonObject);
    JsonElement size = large.orElse(json).get("size");
    boolean number = size != null && size.isJsonPrimitive();
    String digits = number ? size.getAsString() : "";
    return new TreeEntry(
        digits.matches("\\d{1,18}") ? Long.parseLong(digits) : -1, // else refused when it is loaded
        text(json, "oid").orElse(""),
        large.flatMap(lfs -> text(lfs, "oid")),
        text(json, "xetHash"));
  }

  /** The address of the next page; only the hub itself may say what is on it. */
  private Optional<URI> next(HubReply reply) throws HubException {
    Matcher link = NEXT.matcher(reply.header("Link").orElse(""));
    if (!link.find()) {
      return Optional.empty();
    }
    URI next = HubAddress.redirect(reply.address(), link.group(1));
    if (!HubAddress.sameOrigin(next, options.endpoint())) {
      throw new HubException(
          Kind.REFUSED,
          "%s says that its listing goes on at %s, which is another host; not followed"
              .formatted(options.endpoint(), HubText.shown(next)));
    }
    return Optional.of(next);
  }

  private static Optional<String> text(JsonObject json, String name) {
    return Optional.ofNullable(json.get(name))
        .filter(value -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isString())
        .map(JsonElement::getAsString);
  }

  private HubException notListed(HubSubject subject) {
    return new HubException(
        Kind.REFUSED,
        "%s: %s answers with no listing as a hub gives it; is the endpoint a hub?"
            .formatted(subject, options.endpoint()));
  }
}
