package io.github.lora4j.hub;

import java.io.IOException;
import java.util.Optional;

/** Asks what one file is, without its content. */
final class FileQuestion {

  private final HubHttp http;
  private final HubCache cache;

  FileQuestion(HubHttp http, HubCache cache) {
    this.http = http;
    this.cache = cache;
  }

  /** What a file is now; that it is not there is remembered in the cache, as Python does. */
  RemoteFile ask(HubRepository repository, String revision, String name) throws IOException {
    String address =
        repository.web() + "/resolve/" + HubText.segment(revision) + "/" + HubText.path(name);
    try (HubReply reply = http.send(HubRequest.head(http.address(address)))) {
      Optional<String> commit = reply.hubHeader("X-Repo-Commit").filter(HubPath::isCommit);
      if (commit.isPresent() && reply.header("X-Error-Code").equals(Optional.of("EntryNotFound"))) {
        cache.writeMissing(repository, commit.get(), name);
        cache.writeRef(repository, revision, commit.get());
      }
      HubSubject subject = HubSubject.of(repository).at(revision).file(name);
      http.failures().require(reply, subject);
      return RemoteFile.of(repository, commit.orElse(""), name, etag(reply), size(reply));
    }
  }

  private static String etag(HubReply reply) {
    return reply
        .hubHeader("X-Linked-Etag")
        .or(() -> reply.hubHeader("ETag"))
        .map(HubText::bareTag)
        .orElse("");
  }

  private static long size(HubReply reply) {
    Optional<String> linked = reply.hubHeader("X-Linked-Size").filter(s -> s.matches("\\d{1,18}"));
    return linked.isPresent()
        ? Long.parseLong(linked.get())
        : reply.isRedirect() ? -1 : reply.length().orElse(-1);
  }
}
